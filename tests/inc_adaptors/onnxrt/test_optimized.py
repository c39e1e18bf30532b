"""Recipe graph_level: the float model as onnxruntime rewrites it, quantized like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import Builder, batches, branches, depthwise, encoder, kernels, mlp, resnet, run
from inc_adaptors.onnxrt.prepare.model import prepare
from inc_config.errors import ModelError
from inc_config.recipes import GraphLevel
from onnx import ModelProto, TensorProto, helper
from test_emission import ADAPTOR, calibrated

MAKERS = [resnet, depthwise, mlp, encoder, branches]


def at(level: GraphLevel, model: ModelProto) -> ModelProto:
    return ADAPTOR.optimized(ADAPTOR.open(model), level).native


@pytest.mark.parametrize("level", [GraphLevel.BASIC, GraphLevel.ALL])
@pytest.mark.parametrize("make", MAKERS)
def test_the_rewritten_model_computes_the_same_and_quantizes_as_well(make: Callable[[], ModelProto], level: GraphLevel) -> None:
    model = make()
    made = at(level, model)
    feed = batches(model)[0]
    np.testing.assert_allclose(run(made, feed)[0], run(model, feed)[0], atol=1e-4)
    usual, found = calibrated(model), calibrated(made)
    assert found.sqnr_db() > usual.sqnr_db() - 3.0
    assert len(found.plan.quantized) >= len(usual.plan.quantized)


@pytest.mark.parametrize("make", [resnet, depthwise, mlp, branches])
def test_all_operators_still_reach_integer_kernels(make: Callable[[], ModelProto], tmp_path: Path) -> None:
    usual, rewritten = (kernels(calibrated(model).emit(final=True).native, tmp_path) for model in (make(), at(GraphLevel.ALL, make())))
    assert {name: count for name, count in rewritten.items() if name.startswith("Q")} == {
        name: count for name, count in usual.items() if name.startswith("Q")
    }


def test_fusions_of_attention_models_are_kept(tmp_path: Path) -> None:
    made = at(GraphLevel.EXTENDED, encoder())
    assert {"SkipLayerNormalization", "QuickGelu"} <= {node.op_type for node in made.graph.node}
    ran = kernels(calibrated(made).emit(final=True).native, tmp_path)
    assert ran["SkipLayerNormalization"] == 4
    assert ran["QuickGelu"] == 2
    assert ran["MatMulIntegerToFloat"] == 12


def test_levels_differ() -> None:
    types = {level: {node.op_type for node in at(level, resnet()).graph.node} for level in GraphLevel}
    assert "BatchNormalization" in types[GraphLevel.OFF]
    assert "BatchNormalization" not in types[GraphLevel.BASIC]
    assert "FusedConv" not in types[GraphLevel.BASIC]
    assert "FusedConv" in types[GraphLevel.EXTENDED]
    assert not any(node.domain.endswith("nchwc") for node in at(GraphLevel.ALL, resnet()).graph.node)


def fused(op_type: str, activation: str, **attributes: Any) -> ModelProto:
    b = Builder()
    options: dict[str, Any] = {"domain": "com.microsoft", "activation": activation, **attributes}
    if op_type == "FusedConv":
        operands = [b.input("x", ["n", 4, 6, 6]), b.constant(b.normal(8, 4, 3, 3, fan=36)), b.constant(b.normal(8))]
        y = b.node(op_type, *operands, name="fused", **options)
        shape = ["n", 8, 4, 4]
    else:
        operands = [b.input("x", ["n", 16]), b.constant(b.normal(16, 8, fan=16)), b.constant(b.normal(8))]
        y = b.node(op_type, *operands, name="fused", **options)
        shape = ["n", 8]
    graph = helper.make_graph(
        b.nodes, "g", b.inputs, [helper.make_tensor_value_info(y, TensorProto.FLOAT, shape)], list(b.initializers.values())
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)], ir_version=8)


CASES = [
    ("FusedConv", "Relu", {}),
    ("FusedConv", "Sigmoid", {}),
    ("FusedConv", "Tanh", {}),
    ("FusedConv", "LeakyRelu", {"activation_params": [0.3]}),
    ("FusedConv", "Clip", {"activation_params": [-0.2, 0.7]}),
    ("FusedConv", "HardSigmoid", {"activation_params": [0.3, 0.4]}),
    ("FusedGemm", "Relu", {}),
    ("FusedGemm", "LeakyRelu", {"activation_alpha": 0.3}),
]


@pytest.mark.parametrize(("op_type", "activation", "attributes"), CASES)
def test_fused_operators_of_a_users_model_come_apart(op_type: str, activation: str, attributes: dict[str, Any]) -> None:
    model = fused(op_type, activation, **attributes)
    graph = prepare(model)
    assert [node.op_type for node in graph.nodes] == [op_type.removeprefix("Fused"), activation]
    assert graph.nodes[0].name == "fused"
    found = calibrated(model)
    in_float = found.emit(found.plan.with_float(found.plan.quantized)).native
    feed = batches(model)[0]
    np.testing.assert_allclose(run(in_float, feed)[0], run(model, feed)[0], atol=1e-5)
    assert "fused" in {op.scope for op in found.plan.quantized}
    assert found.sqnr_db() > 25.0


def test_a_fused_sum_becomes_an_add() -> None:
    made = at(GraphLevel.ALL, resnet())
    assert any(node.op_type == "FusedConv" and len(node.input) == 4 for node in made.graph.node)
    assert [node.op_type for node in prepare(made).nodes].count("Add") == 2


def test_a_model_that_onnxruntime_cannot_load_is_said_so() -> None:
    model = resnet()
    model.graph.node[0].op_type = "NoSuchOperator"
    handle = ADAPTOR.open(resnet())
    handle.native.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="cannot optimize"):
        ADAPTOR.optimized(handle, GraphLevel.ALL)
