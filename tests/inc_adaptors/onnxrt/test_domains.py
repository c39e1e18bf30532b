"""Which operator set pairs belong to: where onnxruntime cannot load the standard ones, its own."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import onnx
import pytest
from graphs import Builder, run
from inc_config.dtypes import INT8, Scheme
from inc_config.plan import TensorPlan
from inc_config.target import Runtime, Target
from onnx import ModelProto, TensorProto
from test_emission import ADAPTOR, TARGET

NEWEST = min(onnx.defs.onnx_opset_version(), 23)
CONTRIB = "com.microsoft"
BATCHES = [{"ids": np.random.default_rng(seed).integers(0, 50, (4, 6))} for seed in range(4)]
SIGNED = TensorPlan(dtype=INT8, scheme=Scheme.SYMMETRIC)


def text(opset: int) -> ModelProto:
    """Rows of a table, turned around and multiplied: the codes of the table, and those of the product's input, meet a Transpose."""
    b = Builder(opset=opset)
    y = b.node("Gather", b.constant(b.normal(50, 32, fan=2)), b.input("ids", ["n", 6], TensorProto.INT64), name="lookup")
    y = b.node("Transpose", b.node("Tanh", b.node("Transpose", y, perm=[1, 0, 2])), perm=[1, 0, 2])
    return b.model((b.linear(y, 32, 16, name="product"), ["n", 6, 16]))


def emitted(opset: int, target: Target, *, signed: bool) -> tuple[ModelProto, list[Any], list[Any]]:
    model = text(opset)
    handle = ADAPTOR.open(model)
    capabilities = ADAPTOR.capabilities(handle, target)
    plan = capabilities.plan()
    if signed:
        plan = plan.with_ops(
            {op: attrs.evolve(p, inputs=(SIGNED,) * len(p.inputs), outputs=(SIGNED,) * len(p.outputs)) for op, p in plan.ops.items()}
        )
    statistics = ADAPTOR.observe(handle, BATCHES, ADAPTOR.wanted(capabilities, (plan,)))
    made = ADAPTOR.emitter(handle, statistics, capabilities).emit(plan, final=True).native
    return made, run(model, BATCHES[0]), run(made, BATCHES[0]) if target == TARGET else []


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("opset", [17, 21, NEWEST])
def test_signed_codes_beside_data_movement_load_in_every_operator_set(opset: int, signed: bool) -> None:
    made, exact, found = emitted(opset, TARGET, signed=signed)
    assert float(np.abs(exact[0] - found[0]).max()) < 0.05 * float(np.abs(exact[0]).max())
    pairs = [node for node in made.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert {node.domain for node in pairs if "lookup" in node.name or "lookup" in node.output[0]} == {CONTRIB if opset >= 21 else ""}


@pytest.mark.parametrize("runtime", [Runtime.OPENVINO, Runtime.TENSORRT])
def test_other_runtimes_get_pairs_of_the_standard(runtime: Runtime) -> None:
    made, *_ = emitted(NEWEST, Target(runtime=runtime), signed=False)
    assert {node.domain for node in made.graph.node} == {""}
