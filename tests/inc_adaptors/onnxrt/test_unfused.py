"""What a plan leaves in float runs in float, whatever onnxruntime does to the graph when it loads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
from graphs import Builder, batches, branches, depthwise, kernels, mlp, resnet, run, run_plainly
from onnx import ModelProto, helper, numpy_helper
from test_emission import calibrated

FLOAT = {"Conv": ("Conv", "FusedConv"), "Gemm": ("Gemm", "FusedGemm", "FusedMatMul"), "ConvTranspose": ("ConvTranspose",)}


@pytest.mark.parametrize("form", ["qdq", "qoperator"])
@pytest.mark.parametrize("make", [resnet, depthwise, mlp, branches])
def test_each_operator_alone_in_float_runs_by_a_float_kernel(make: Callable[[], ModelProto], form: str, tmp_path: Path) -> None:
    found = calibrated(make())
    plan = attrs.evolve(found.plan, recipes={"graph_format": form})
    whole = kernels(found.emit(plan).native, tmp_path)
    for op in plan.quantized:
        if op.type not in FLOAT:
            continue
        counts = kernels(found.emit(plan.with_float((op,))).native, tmp_path)
        floats, before = (sum(each[name] for name in FLOAT[op.type]) for each in (counts, whole))
        assert floats > before, f"{op} does not run in float"


def test_the_floats_are_those_of_the_graph_as_it_is_written() -> None:
    """A weight that one scale for all channels would flatten: onnxruntime's own rounding would be seen at once."""
    model = resnet(batch_norm=False)
    convolution = [node for node in model.graph.node if node.op_type == "Conv"][2]
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == convolution.input[1])
    array = numpy_helper.to_array(weight).copy()
    array[0] *= 1e4
    weight.CopyFrom(numpy_helper.from_array(array, weight.name))
    found = calibrated(model)
    made = found.emit(found.plan.with_float((found.op(convolution.name),))).native
    feed = batches(model)[0]
    np.testing.assert_allclose(
        run(made, feed)[0], run_plainly(made, feed)[0], rtol=1e-4, atol=1e-4 * float(np.abs(run(made, feed)[0]).max())
    )


def test_readers_of_the_same_codes_share_one_dequantizer() -> None:
    b = Builder(seed=0)
    y = b.node("Relu", b.conv(b.input("x", ["n", 3, 8, 8]), 3, 8))
    ends = [b.conv(b.node("Relu", b.conv(y, 8, 8)), 8, 4) for _ in range(2)]
    model = b.model((b.node("Add", *ends), ["n", 4, 8, 8]))
    found = calibrated(model)
    readers = [node.name for node in model.graph.node if node.op_type == "Conv" and node.input[0] == y]
    assert len(readers) == 2
    made = found.emit(found.plan.with_float(found.op(name) for name in readers)).native
    repeated = [node for node in made.graph.node if node.name.endswith("_by_channel_dequantize")]
    assert len(repeated) == 1
    assert helper.get_node_attr_value(repeated[0], "axis") == 1
    assert sum(node.op_type == "DequantizeLinear" and node.input[0] == repeated[0].input[0] for node in made.graph.node) == 1
