"""Dynamic models of the drop-in answer exactly like onnxruntime's tool's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import Builder, depthwise, encoder, mlp, resnet, run
from inc_adaptors.onnxrt import quantize_dynamic
from inc_config.errors import PlanError
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType
from tool import dynamically

pytestmark = pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool


def embedding() -> ModelProto:
    """A table of 50 words, and a matrix product of what is looked up."""
    b = Builder()
    y = b.node("Gather", b.constant(b.normal(50, 16)), b.input("x", ["n", 6], TensorProto.INT64))
    return b.model((b.linear(y, 16, 8), ["n", 6, 8]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"per_channel": True},
        {"weight_type": QuantType.QUInt8},
        {"weight_type": QuantType.QUInt8, "per_channel": True},
        {"reduce_range": True},
        {"extra_options": {"WeightSymmetric": False}},
        {"extra_options": {"MatMulConstBOnly": False}},
        {"extra_options": {"ActivationSymmetric": True}},
    ],
)
@pytest.mark.parametrize("build", [mlp, encoder, embedding])
def test_products_and_tables(build: Any, options: dict[str, Any], tmp_path: Path) -> None:
    feed = {"x": np.arange(12).reshape(2, 6)} if build is embedding else None
    made = dynamically(build(), tmp_path, feed, **options)
    assert np.array_equal(made.our_output, made.their_output)


def recurrent(direction: str) -> ModelProto:
    """An LSTM between two matrix products: 4 steps of 8 features."""
    b = Builder()
    count = 2 if direction == "bidirectional" else 1
    weights = [b.constant(b.normal(count, 32, 8, fan=8) * (1 + np.arange(count, dtype=np.float32)[:, None, None])) for _ in range(2)]
    y = b.linear(b.input("x", [4, "n", 8]), 8, 8)
    y = b.node("LSTM", y, *weights, b.constant(b.normal(count, 64) * 0.1), hidden_size=8, direction=direction, outputs=3)[0]
    y = b.node("Reshape", b.node("Transpose", y, perm=[0, 2, 1, 3]), b.constant(np.array([4, -1, 8 * count], np.int64)))
    return b.model((b.linear(y, 8 * count, 3), [4, "n", 3]))


def attentive() -> ModelProto:
    """onnxruntime's fused self-attention over vectors of 32 features."""
    b = Builder()
    weight, bias = b.constant(b.normal(32, 96, fan=32)), b.constant(b.normal(96) * 0.1)
    y = b.node("Attention", b.input("x", ["n", 6, 32]), weight, bias, domain="com.microsoft", num_heads=4)
    graph = helper.make_graph(
        b.nodes, "graph", b.inputs, [helper.make_tensor_value_info(y, TensorProto.FLOAT, ["n", 6, 32])], list(b.initializers.values())
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)], ir_version=8)


@pytest.mark.parametrize("options", [{}, {"per_channel": True}, {"reduce_range": True}, {"weight_type": QuantType.QUInt8}])
@pytest.mark.parametrize("build", [lambda: recurrent("forward"), lambda: recurrent("bidirectional"), attentive])
def test_operators_that_onnxruntime_has_integer_forms_of(build: Any, options: dict[str, Any], tmp_path: Path) -> None:
    made = dynamically(build(), tmp_path, **options)
    assert {"DynamicQuantizeLSTM", "QAttention"} & {node.op_type for node in made.ours.graph.node}
    assert np.array_equal(made.our_output, made.their_output)


def branching(*, nested: bool) -> ModelProto:
    """Two products around an If: one branch multiplies by a weight from outside, the other by its own, or ``nested`` in a Loop."""
    b = Builder()
    b.constant(b.normal(16, 16, fan=16), "outside")
    flow = b.node("Relu", b.linear(b.input("x", ["n", 16]), 16, 16, bias=False), name="flow")
    b.constant(np.int64(3), "times")

    def body(name: str, weight: str) -> onnx.GraphProto:
        held = [] if weight == "outside" else [numpy_helper.from_array(b.normal(16, 16, fan=16), weight)]
        nodes = [
            helper.make_node("MatMul", [flow, weight], [f"{name}_product"], name=f"{name}_matmul"),
            helper.make_node("Relu", [f"{name}_product"], [f"{name}_out"], name=f"{name}_relu"),
        ]
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, ["n", 16])], held)

    def looping() -> onnx.GraphProto:
        steps = [
            helper.make_node("MatMul", ["state", "loop_weight"], ["moved"], name="loop_matmul"),
            helper.make_node("Tanh", ["moved"], ["next"], name="loop_tanh"),
            helper.make_node("Identity", ["going"], ["on"], name="loop_on"),
        ]
        boolean, integer = TensorProto.BOOL, TensorProto.INT64
        inputs = [helper.make_tensor_value_info(n, k, []) for n, k in (("turn", integer), ("going", boolean))]
        state = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 16]) for n in ("state", "next")]
        held = [numpy_helper.from_array(b.normal(16, 16, fan=16), "loop_weight")]
        inner = helper.make_graph(steps, "turns", [*inputs, state[0]], [helper.make_tensor_value_info("on", boolean, []), state[1]], held)
        loop = helper.make_node("Loop", ["times", "", flow], ["looped"], name="loop", body=inner)
        return helper.make_graph([loop], "other", [], [helper.make_tensor_value_info("looped", TensorProto.FLOAT, ["n", 16])])

    condition = b.node("Greater", b.node("ReduceSum", flow, keepdims=0), b.constant(np.float32(1e9 if nested else 0.0)))
    y = b.node("If", condition, then_branch=body("one", "outside"), else_branch=looping() if nested else body("other", "own"))
    return b.model((b.linear(y, 16, 4, bias=False), ["n", 4]))


@pytest.mark.parametrize("nested", [False, True])
def test_bodies_of_control_flow_are_quantized(nested: bool, tmp_path: Path) -> None:
    made = dynamically(branching(nested=nested), tmp_path, extra_options={"EnableSubgraph": True})
    assert np.abs(made.our_output - made.their_output).max() <= 1e-6
    assert not [tensor.name for tensor in made.ours.graph.initializer if tensor.name == "outside"], "nobody reads the float weight"
    text = made.ours.SerializeToString()
    assert text.count(b"MatMulInteger") >= 4
    onnx.checker.check_model(made.ours)


def test_bodies_of_control_flow_are_left_whole_by_default(tmp_path: Path) -> None:
    model = branching(nested=False)
    quantize_dynamic(model, tmp_path / "m.onnx")
    bodies = [
        [attribute.g for node in each.graph.node if node.op_type == "If" for attribute in node.attribute]
        for each in (model, onnx.load(tmp_path / "m.onnx"))
    ]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("weight", [QuantType.QInt8, QuantType.QUInt8])
@pytest.mark.parametrize("build", [depthwise, lambda: resnet(batch_norm=False)])
def test_convolutions_where_they_are_asked_for(build: Any, weight: QuantType, tmp_path: Path) -> None:
    made = dynamically(build(), tmp_path, weight_type=weight, op_types_to_quantize=["Conv", "MatMul"])
    assert "ConvInteger" in {node.op_type for node in made.ours.graph.node}
    assert np.abs(made.our_output - made.their_output).max() <= 1e-5 * np.abs(made.exact).max()


def test_channels_of_a_dynamic_convolution_have_scales_of_their_own(tmp_path: Path) -> None:
    """The tool takes ``per_channel`` and ignores it here."""
    made = dynamically(resnet(batch_norm=False), tmp_path, per_channel=True, op_types_to_quantize=["Conv"])
    ours, original = (float(np.square(output - made.exact).mean()) for output in (made.our_output, made.their_output))
    assert ours < original


def test_convolutions_are_taken_by_default_as_the_tool_does_and_called_slow(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = dynamically(resnet(batch_norm=False), tmp_path)
    assert Counter(node.op_type for node in made.ours.graph.node)["ConvInteger"] == 6
    assert np.abs(made.our_output - made.their_output).max() <= 1e-5 * np.abs(made.exact).max()
    assert "6 convolutions find their ranges at run time" in caplog.text
    caplog.clear()
    dynamically(resnet(batch_norm=False), tmp_path, op_types_to_quantize=["Conv", "MatMul"])
    dynamically(resnet(batch_norm=False), tmp_path, op_types_to_quantize=["MatMul"])
    assert "several times slower" not in caplog.text


def test_products_of_one_tensor_share_its_codes(tmp_path: Path) -> None:
    model = encoder(layers=1)
    quantize_dynamic(model, tmp_path / "m.onnx")
    made = dynamically(model, tmp_path)
    quantizers = [node.input[0] for node in made.ours.graph.node if node.op_type == "DynamicQuantizeLinear"]
    assert len(quantizers) == len(set(quantizers))
    products = sum(node.op_type == "MatMulInteger" for node in made.ours.graph.node)
    assert products > len(quantizers)


def test_what_moves_data_is_refused_codes_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="only moves data"):
        quantize_dynamic(mlp(), tmp_path / "m.onnx", extra_options={"ForceQuantizeNoInputCheck": True})
    with pytest.raises(PlanError, match="nothing is calibrated"):
        quantize_dynamic(mlp(), tmp_path / "m.onnx", extra_options={"CalibMovingAverage": True})
    with pytest.raises(PlanError, match="have 8 bits"):
        quantize_dynamic(mlp(), tmp_path / "m.onnx", weight_type=QuantType.QInt16)


def test_the_result_runs_on_any_batch_size(tmp_path: Path) -> None:
    made = dynamically(mlp(), tmp_path)
    for size in (1, 7):
        feed = {"x": np.ones((size, 32), np.float32)}
        assert run(made.ours, feed)[0].shape == (size, 10)
