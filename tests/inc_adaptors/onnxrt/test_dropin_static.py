"""Static models of the drop-in answer like onnxruntime's tool's: the same tensors, the same scales, outputs within one step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import Builder, batches, branches, depthwise, encoder, mlp, resnet, run
from inc_adaptors.onnxrt import quantize_static
from onnx import ModelProto, TensorProto
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType
from tool import Reader, scales, statically

pytestmark = pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool

MODELS: dict[str, Any] = {
    "resnet": lambda: resnet(batch_norm=False),
    "depthwise": depthwise,
    "mlp": mlp,
    "encoder": encoder,
    "branches": branches,
}
_U8, _I8 = QuantType.QUInt8, QuantType.QInt8
ROUNDING = 1.01  # a step, and what float kernels round


def lstm() -> ModelProto:
    """An LSTM between two matrix products: 4 steps of 8 features."""
    b = Builder()
    y = b.linear(b.input("x", [4, "n", 8]), 8, 8)
    weights = [b.constant(b.normal(1, 4 * 8, 8, fan=8)) for _ in range(2)]
    y, _, _ = b.node("LSTM", y, *weights, hidden_size=8, outputs=3)
    y = b.node("Squeeze", y, b.constant(np.array([1], np.int64)))
    return b.model((b.linear(y, 8, 3), [4, "n", 3]))


def upsampler() -> ModelProto:
    """Operators without integer kernels: ConvTranspose, InstanceNormalization, Resize."""
    b = Builder()
    weight, bias = b.constant(b.normal(4, 6, 3, 3, fan=36)), b.constant(b.normal(6) * 0.1)
    y = b.node("ConvTranspose", b.input("x", ["n", 4, 8, 8]), weight, bias, strides=[2, 2], kernel_shape=[3, 3])
    scale = b.constant(b.rng.uniform(0.5, 1.5, 6).astype(np.float32))
    y = b.node("HardSigmoid", b.node("InstanceNormalization", y, scale, b.constant(b.normal(6))))
    y = b.node("Resize", y, "", b.constant(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    return b.model((b.conv(y, 6, 5), ["n", 5, 34, 34]))


def batched() -> ModelProto:
    """A product with a weight of three axes, and sums along an axis."""
    b = Builder()
    y = b.node("MatMul", b.input("x", ["n", 4, 8]), b.constant(b.normal(1, 8, 6, fan=8)))
    y = b.node("GlobalAveragePool", b.node("CumSum", b.node("LeakyRelu", y, alpha=0.1), b.constant(np.int64(1))))
    return b.model((b.node("Squeeze", y, b.constant(np.array([2], np.int64))), ["n", 4]))


@pytest.mark.parametrize("options", [{}, {"per_channel": True}, {"weight_type": _U8}, {"quant_format": QuantFormat.QOperator}])
@pytest.mark.parametrize("build", [upsampler, batched])
def test_operators_that_run_between_pairs(build: Any, options: dict[str, Any], tmp_path: Path) -> None:
    if build is batched and "per_channel" in options:
        quantize_static(batched(), tmp_path / "ours.onnx", Reader(batched()), per_channel=True)
        feed = batches(batched(), count=1)[0]
        exact, ours = (run(model, feed)[0] for model in (batched(), onnx.load(tmp_path / "ours.onnx")))
        assert np.abs(ours - exact).max() < 0.02 * np.abs(exact).max()  # the tool's model has a scale per row, and onnxruntime fails on it
        return
    made = statically(build(), tmp_path, activation_type=_U8, **options)
    assert np.allclose(scales(made.ours), scales(made.theirs), rtol=1e-4)
    assert made.steps <= ROUNDING


def picking() -> ModelProto:
    """Rows that are picked from an activation."""
    b = Builder()
    y = b.node("Gather", b.linear(b.input("x", ["n", 6, 8]), 8, 8), b.constant(np.array([0, 2, 5], np.int64)), axis=1)
    return b.model((b.linear(b.node("Tanh", y), 8, 4), ["n", 3, 4]))


@pytest.mark.parametrize("quant_format", list(QuantFormat))
def test_rows_of_an_activation_are_picked_as_codes_between_pairs_only(quant_format: QuantFormat, tmp_path: Path) -> None:
    made = statically(picking(), tmp_path, activation_type=_U8, quant_format=quant_format)
    assert np.array_equal(made.our_output, made.their_output)


def test_factors_of_a_gemm_count(tmp_path: Path) -> None:
    """The tool takes beta for the bias' scale and then drops it: its model answers at 15 dB."""
    b = Builder()
    y = b.node("Gemm", b.input("x", ["n", 16]), b.constant(b.normal(16, 12, fan=16)), b.constant(b.normal(12)), alpha=0.5, beta=2.0)
    made = statically(b.model((y, ["n", 12])), tmp_path, activation_type=_U8)
    power = float(np.square(made.exact).mean())
    ours, original = (float(np.square(output - made.exact).mean()) for output in (made.our_output, made.their_output))
    assert ours < 1e-3 * power < original


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("activation", [_U8, _I8])
@pytest.mark.parametrize("name", MODELS)
def test_pairs_have_the_tools_places_and_scales(name: str, activation: QuantType, per_channel: bool, tmp_path: Path) -> None:
    made = statically(MODELS[name](), tmp_path, activation_type=activation, per_channel=per_channel)
    ours, original = scales(made.ours), scales(made.theirs)
    assert len(ours) == len(original)
    assert np.allclose(ours, original, rtol=1e-4)
    assert made.steps <= ROUNDING


@pytest.mark.parametrize("name", ["resnet", "depthwise", "mlp", "encoder"])
@pytest.mark.parametrize(
    ("activation", "weight"),
    [(_U8, _U8), (_U8, QuantType.QInt4), (_U8, QuantType.QUInt4), (QuantType.QUInt16, _I8)],
)
def test_types_of_weights_and_activations(name: str, activation: QuantType, weight: QuantType, tmp_path: Path) -> None:
    """16-bit steps are as small as what a float convolution rounds (2^-16 of the range): there one rounding more is granted."""
    made = statically(MODELS[name](), tmp_path, activation_type=activation, weight_type=weight)
    assert np.allclose(scales(made.ours), scales(made.theirs), rtol=1e-4)
    assert made.steps <= (2 * ROUNDING if activation is QuantType.QUInt16 else ROUNDING)
    stored = {tensor.data_type for tensor in made.ours.graph.initializer}
    assert int(weight.tensor_type) in stored


def test_sixteen_bits_on_both_sides_are_nearly_exact(tmp_path: Path) -> None:
    made = statically(encoder(), tmp_path, activation_type=QuantType.QInt16, weight_type=QuantType.QInt16)
    noise = float(np.square(made.our_output - made.exact).mean() / np.square(made.exact).mean())
    assert 10 * np.log10(noise) < -70  # 16 bits have 98 dB for a sine that fills the range; the tool's model reads 77
    assert any(entry.domain == "com.microsoft" for entry in made.ours.opset_import), "operator set 17 has no 16-bit pairs"


@pytest.mark.parametrize("opset", [11, 13, 21])
def test_operator_sets(opset: int, tmp_path: Path) -> None:
    """Per channel below 13 and 16 bits below 21 need what the standard has only later."""
    model = resnet(batch_norm=False, opset=opset, named=False)
    made = statically(model, tmp_path, activation_type=QuantType.QUInt16)
    assert made.steps <= 2 * ROUNDING
    assert any(entry.domain == "com.microsoft" for entry in made.ours.opset_import) is (opset < 21)
    quantize_static(model, tmp_path / "ours.onnx", Reader(model), activation_type=_U8, per_channel=True)
    feed = batches(model, count=1)[0]
    exact, ours = (run(each, feed)[0] for each in (model, onnx.load(tmp_path / "ours.onnx")))
    assert np.square(ours - exact).mean() < 1e-3 * np.square(exact).mean()


def test_four_bit_weights_take_half_a_byte(tmp_path: Path) -> None:
    model = mlp(width=256)
    made = statically(model, tmp_path, activation_type=_U8, weight_type=QuantType.QInt4)
    floats = sum(int(np.prod(t.dims)) for t in model.graph.initializer if len(t.dims) == 2)
    packed = sum(len(t.raw_data) for t in made.ours.graph.initializer if t.data_type == TensorProto.INT4)
    zero_points = sum(tensor.data_type == TensorProto.INT4 and not tensor.dims for tensor in made.ours.graph.initializer)
    assert packed == floats / 2 + zero_points


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_integer_operators_answer_like_the_tools(name: str, per_channel: bool, tmp_path: Path) -> None:
    made = statically(MODELS[name](), tmp_path, quant_format=QuantFormat.QOperator, activation_type=_U8, per_channel=per_channel)
    assert made.steps <= ROUNDING
    assert {"QLinearConv", "QLinearMatMul", "QGemm"} & {node.op_type for node in made.ours.graph.node}


def test_an_lstm_is_left_alone(tmp_path: Path) -> None:
    made = statically(lstm(), tmp_path, activation_type=_U8)
    (node,) = (node for node in made.ours.graph.node if node.op_type == "LSTM")
    assert set(node.input[1:]) <= {t.name for t in made.ours.graph.initializer if t.data_type == TensorProto.FLOAT}
    assert made.steps <= ROUNDING


@pytest.mark.parametrize("types", [["Conv", "Gemm"], ["MatMul"], ["Add", "Gemm"], ["LayerNormalization", "Softmax"]])
@pytest.mark.parametrize("name", ["resnet", "encoder"])
def test_selected_types_alone_are_quantized(name: str, types: list[str], tmp_path: Path) -> None:
    model = MODELS[name]()
    if not {node.op_type for node in model.graph.node} & set(types):
        types = ["Gemm"]
    made = statically(model, tmp_path, activation_type=_U8, op_types_to_quantize=types)
    assert np.allclose(scales(made.ours), scales(made.theirs), rtol=1e-4)
    assert made.steps <= ROUNDING


@pytest.mark.parametrize("reduced", [{"reduce_range": True}, {"reduce_range": True, "weight_type": _U8, "activation_type": _U8}])
def test_a_bit_less_for_weights(reduced: dict[str, Any], tmp_path: Path) -> None:
    assert statically(resnet(batch_norm=False), tmp_path, **reduced).steps <= ROUNDING


def test_entropy_is_the_tools_search_whose_one_candidate_is_the_whole_range(tmp_path: Path) -> None:
    made = statically(encoder(), tmp_path, calibrate_method=CalibrationMethod.Entropy)
    assert made.steps <= ROUNDING


@pytest.mark.parametrize("symmetric", [None, False])
def test_percentiles_fall_in_the_tools_bins(symmetric: bool | None, tmp_path: Path) -> None:
    options = {"CalibPercentile": 99.0} | ({} if symmetric is None else {"CalibTensorRangeSymmetric": symmetric})
    made = statically(branches(), tmp_path, calibrate_method=CalibrationMethod.Percentile, extra_options=options)
    reach = max(scale for scale, _ in scales(made.theirs))
    differences = np.abs(np.array([s for s, _ in scales(made.ours)]) - [s for s, _ in scales(made.theirs)])
    assert differences.max() <= 4 * reach / 2048  # two bins at either end: neither histogram is finer than the tool's 2,048 bins
    assert made.steps <= 3 * ROUNDING  # and six operators in a row may each be a code apart


@pytest.mark.parametrize(
    "options", [{"calibrate_method": CalibrationMethod.Distribution}, {"extra_options": {"CalibTensorRangeSymmetric": True}}]
)
def test_symmetric_ranges_do_not_lose_the_relu(options: dict[str, Any], tmp_path: Path) -> None:
    """The tool drops every Relu although a symmetric range does not cover it: its model answers at -0.4 dB."""
    made = statically(mlp(), tmp_path, **options)
    noise = {
        who: float(np.square(output - made.exact).mean()) for who, output in (("ours", made.our_output), ("theirs", made.their_output))
    }
    assert noise["ours"] < 0.001 * float(np.square(made.exact).mean())
    assert noise["theirs"] > 0.5 * float(np.square(made.exact).mean()), "the tool is repaired: compare outputs here"
    assert np.allclose(scales(made.ours), scales(made.theirs), rtol=1e-4)


def test_without_relu_symmetric_ranges_are_the_tools(tmp_path: Path) -> None:
    assert statically(encoder(), tmp_path, extra_options={"CalibTensorRangeSymmetric": True}).steps <= ROUNDING
    assert statically(encoder(), tmp_path, calibrate_method=CalibrationMethod.Distribution).steps <= ROUNDING


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_normalization_that_nobody_folded_is_quantized_by_itself(per_channel: bool, tmp_path: Path) -> None:
    made = statically(resnet(), tmp_path, activation_type=_U8, per_channel=per_channel)
    assert "BatchNormalization" in {node.op_type for node in made.ours.graph.node}
    assert np.allclose(scales(made.ours), scales(made.theirs), rtol=1e-4)
    assert made.steps <= ROUNDING


def pooled() -> ModelProto:
    """MaxPool takes 8-bit codes from operator set 12 on."""
    b = Builder(opset=11)
    y = b.node("MaxPool", b.conv(b.input("x", ["n", 3, 8, 8]), 3, 6), kernel_shape=[2, 2], strides=[2, 2])
    return b.model((b.conv(y, 6, 4), ["n", 4, 4, 4]))


def test_a_maximum_over_floats_of_an_old_operator_set_is_left_alone(tmp_path: Path) -> None:
    both = statically(pooled(), tmp_path)
    assert np.allclose(scales(both.ours), scales(both.theirs), rtol=1e-4)
    assert both.steps <= ROUNDING


def left() -> ModelProto:
    """A constant on the left of a product."""
    b = Builder()
    y = b.node("MatMul", b.constant(b.normal(5, 4, fan=4)), b.input("x", ["n", 4, 8]))
    return b.model((b.node("MatMul", y, b.constant(b.normal(8, 6, fan=8))), ["n", 5, 6]))


def biased() -> ModelProto:
    """Constants that are no weights: an addend, which reaches further below zero than above."""
    b = Builder()
    y = b.node("MatMul", b.input("x", ["n", 8]), b.constant(b.normal(8, 6, fan=8)))
    return b.model((b.node("Add", y, b.constant(np.array([-3.0, 1, 0.5, 0, -1, 0.2], np.float32))), ["n", 6]))


def gated() -> ModelProto:
    """Pad and average on floats, and HardSwish, which has no integer operator."""
    b = Builder()
    y = b.node("Pad", b.input("x", ["n", 4, 6, 6]), b.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)), name="pad")
    y = b.node("AveragePool", y, kernel_shape=[3, 3], name="pool")
    return b.model((b.conv(b.node("HardSwish", b.node("Add", y, y, name="sum"), name="gate"), 4, 5), ["n", 5, 6, 6]))


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (left, {"activation_type": _U8}),
        (left, {}),
        (biased, {}),
        (biased, {"activation_type": _U8}),
        (biased, {"reduce_range": True}),
        (biased, {"extra_options": {"WeightSymmetric": False}}),
        (mlp, {"extra_options": {"QuantizeBias": False}}),
        (gated, {"op_types_to_quantize": ["Add", "Pad"]}),
        (gated, {"op_types_to_quantize": ["AveragePool", "HardSwish"]}),
        (gated, {"op_types_to_quantize": ["Conv", "Pad"]}),
        (encoder, {"nodes_to_quantize": ["layer0/out", "add_20", "layer1/q"]}),
    ],
)
def test_integer_operators_alone_read_codes(build: Any, options: dict[str, Any], tmp_path: Path) -> None:
    """In QOperator form nothing else is rounded, and each operand has the tool's type and scale."""
    both = statically(build(), tmp_path, quant_format=QuantFormat.QOperator, **options)
    assert np.allclose(scales(both.ours), scales(both.theirs), rtol=1e-4)
    assert both.steps <= ROUNDING
