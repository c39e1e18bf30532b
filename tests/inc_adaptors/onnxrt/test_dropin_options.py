"""Every extra option of onnxruntime's tool does here what it does there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime.quantization as theirs
import pytest
from graphs import Builder, batches, branches, encoder, mlp, resnet, run
from inc_adaptors.onnxrt import quantize_static
from inc_config.errors import DataError, StoreError
from onnx import ModelProto, TensorProto, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType
from tool import Both, Reader, scales, statically

pytestmark = pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool

ROUNDING = 1.01
_U8 = QuantType.QUInt8


def made_with(build: Any, folder: Path, **options: Any) -> Both:
    return statically(build(), folder, activation_type=_U8, extra_options=options)


def plain_resnet() -> ModelProto:
    return resnet(batch_norm=False)


def moving(*, seed: int = 0) -> ModelProto:
    """What passes codes on, first and last: Transpose, Reshape and MaxPool around a convolution, and a Where."""
    b = Builder(seed=seed)
    x = b.input("x", ["n", 8, 8, 4])
    y = b.node("Transpose", x, perm=[0, 3, 1, 2])
    y = b.node("MaxPool", b.node("Relu", b.conv(y, 4, 8)), kernel_shape=[2, 2], strides=[2, 2])
    y = b.node("Pad", y, b.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)))
    y = b.node("Where", b.node("Greater", y, b.constant(np.float32(0.5))), y, b.node("Sigmoid", y))
    first, second = b.node("Split", y, b.constant(np.array([4, 4], np.int64)), axis=1, outputs=2)
    y = b.node("Concat", second, b.node("Tanh", first), axis=1)
    return b.model((b.node("Slice", y, *(b.constant(np.array([v], np.int64)) for v in (0, 3, 2))), ["n", 8, 3, 6]))


@pytest.mark.parametrize("force", [False, True])
def test_forcing_quantizes_what_only_moves_data(force: bool, tmp_path: Path) -> None:
    made = made_with(moving, tmp_path, ForceQuantizeNoInputCheck=force)
    ours, original = ({(f"{scale:.6f}", zero) for scale, zero in scales(model)} for model in (made.ours, made.theirs))
    assert ours == original  # a Pad on codes has no pair behind it
    assert made.steps <= ROUNDING
    transpose = next(node for node in made.ours.graph.node if node.op_type == "Transpose")
    assert (transpose.input[0] == "x") is not force


@pytest.mark.parametrize("build", [plain_resnet, encoder])
@pytest.mark.parametrize(
    "options",
    [
        {"ActivationSymmetric": True},
        {"ActivationRestrictedAsymmetric": True},
        {"WeightSymmetric": False},
        {"WeightSymmetric": True},
        {"AddQDQPairToWeight": True},
        {"DedicatedQDQPair": True},
        {"UseQDQContribOps": True},
        {"QDQKeepRemovableActivations": True},
        {"QuantizeBias": False},
        {"OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm", "Add"]},
        {"CalibMovingAverage": True},
        {"MinimumRealRange": 5.0},
    ],
)
def test_answers_are_within_one_step(build: Any, options: dict[str, Any], tmp_path: Path) -> None:
    assert made_with(build, tmp_path, **options).steps <= ROUNDING


def test_each_reader_has_a_pair_of_its_own(tmp_path: Path) -> None:
    made = made_with(branches, tmp_path, DedicatedQDQPair=True)
    counts = [sum(node.op_type == "QuantizeLinear" for node in model.graph.node) for model in (made.ours, made.theirs)]
    assert counts[0] == counts[1] > 12


def test_pairs_of_onnxruntimes_domain(tmp_path: Path) -> None:
    made = made_with(mlp, tmp_path, UseQDQContribOps=True)
    assert {node.domain for node in made.ours.graph.node if node.op_type.endswith("eLinear")} == {"com.microsoft"}


def test_activations_are_kept(tmp_path: Path) -> None:
    kept, stripped = (made_with(mlp, tmp_path, QDQKeepRemovableActivations=keep).ours for keep in (True, False))
    assert sum(node.op_type == "Relu" for node in kept.graph.node) == 2
    assert not any(node.op_type == "Relu" for node in stripped.graph.node)


def test_a_float_bias_stays_one(tmp_path: Path) -> None:
    made = made_with(mlp, tmp_path, QuantizeBias=False)
    floats = {tensor.name for tensor in made.ours.graph.initializer if tensor.data_type == TensorProto.FLOAT}
    assert all(node.input[2] in floats for node in made.ours.graph.node if node.op_type == "Gemm")


def test_a_float_weight_in_a_pair_stays_one(tmp_path: Path) -> None:
    made = made_with(mlp, tmp_path, AddQDQPairToWeight=True)
    weights = [tensor for tensor in made.ours.graph.initializer if len(tensor.dims) == 2]
    assert {tensor.data_type for tensor in weights} == {TensorProto.FLOAT}


@pytest.mark.parametrize("disabled", [False, True])
def test_room_for_a_bias_that_int32_does_not_hold(disabled: bool, tmp_path: Path) -> None:
    """One output's weights are 1e-9 of the others': beside them its bias needs more than 2^31 steps, per channel."""
    model = mlp()
    weight, bias = next(tuple(node.input[1:3]) for node in model.graph.node if node.name == "gemm_4")
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor).copy()
        if tensor.name == weight:
            values[0] *= 1e-9
        if tensor.name == bias:
            values[0] = 5.0
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    options = {"QDQDisableWeightAdjustForInt32Bias": disabled}
    made = statically(model, tmp_path, activation_type=_U8, per_channel=True, extra_options=options)
    assert made.steps <= ROUNDING
    assert bool(np.abs(made.our_output[:, 0] - 5.0).max() > 1.0) is disabled


@pytest.mark.parametrize("quant_format", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_products_of_two_activations_are_left_in_float(quant_format: QuantFormat, tmp_path: Path) -> None:
    """The tool obeys in QOperator form only."""
    made = statically(encoder(), tmp_path, quant_format=quant_format, activation_type=_U8, extra_options={"MatMulConstBOnly": True})
    codes = {node.output[0] for node in made.ours.graph.node if node.op_type == "DequantizeLinear"}
    products = [node for node in made.ours.graph.node if node.op_type == "MatMul"]
    assert len([node for node in products if node.input[0] not in codes or node.input[1] not in codes]) in (0, 4)
    if quant_format is QuantFormat.QOperator:
        assert made.steps <= ROUNDING


def test_nnapi_wants_steps_of_a_256th_from_sigmoid(tmp_path: Path) -> None:
    options = {"extra.Sigmoid.nnapi": True}
    made = statically(encoder(), tmp_path, quant_format=QuantFormat.QOperator, activation_type=_U8, extra_options=options)
    assert made.steps <= ROUNDING


def test_a_mask_of_infinities_stays_in_float(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The tool's scale of such a tensor is infinite."""
    b = Builder()
    scores = b.linear(b.input("x", ["n", 8]), 8, 8)
    mask = b.constant(np.where(np.arange(8) < 5, 0.0, -np.inf).astype(np.float32))
    y = b.node("Softmax", b.node("Add", scores, mask, name="mask"), axis=-1)
    model = b.model((b.linear(y, 8, 4), ["n", 4]))
    quantize_static(model, tmp_path / "m.onnx", Reader(model), activation_type=_U8)
    assert "In float because calibration saw" in caplog.text
    made = onnx.load(tmp_path / "m.onnx")
    assert any(node.name == "mask" for node in made.graph.node)
    feed = batches(model, count=1)[0]
    exact, ours = run(model, feed)[0], run(made, feed)[0]
    assert np.abs(ours - exact).max() < 0.05 * np.abs(exact).max()


class Strided(Reader):
    """A reader that knows its length and can be cut, as the tool's option wants it."""

    def __init__(self, model: ModelProto) -> None:
        super().__init__(model)
        self.held = list(self.rest)
        self.rest = iter(self.held)

    def __len__(self) -> int:
        return len(self.held)

    def set_range(self, start_index: int, end_index: int) -> None:
        self.rest = iter(self.held[start_index:end_index])


@pytest.mark.parametrize("average", [False, True])
def test_groups_of_batches_are_joined_by_smoothing(average: bool, tmp_path: Path) -> None:
    model = mlp()
    onnx.save(model, tmp_path / "m.onnx")
    options = {"CalibStridedMinMax": 2, "CalibMovingAverage": average, "CalibMovingAverageConstant": 0.25}
    theirs.quantize_static(tmp_path / "m.onnx", tmp_path / "theirs.onnx", Strided(model), extra_options=dict(options))
    quantize_static(model, tmp_path / "ours.onnx", Strided(model), extra_options=options)
    assert np.allclose(scales(onnx.load(tmp_path / "ours.onnx")), scales(onnx.load(tmp_path / "theirs.onnx")), rtol=1e-4)


@pytest.mark.parametrize("method", [CalibrationMethod.MinMax, CalibrationMethod.Percentile])
def test_either_tool_reads_the_others_calibration(method: CalibrationMethod, tmp_path: Path) -> None:
    model = mlp()
    onnx.save(model, tmp_path / "m.onnx")
    for writer, reader in ((theirs.quantize_static, quantize_static), (quantize_static, theirs.quantize_static)):
        cache = tmp_path / writer.__module__ / "ranges.json"
        writer(tmp_path / "m.onnx", tmp_path / "a.onnx", Reader(model), calibrate_method=method, calibration_cache_path=cache)
        reader(tmp_path / "m.onnx", tmp_path / "b.onnx", None, calibrate_method=method, calibration_cache_path=cache)
        assert np.allclose(scales(onnx.load(tmp_path / "a.onnx")), scales(onnx.load(tmp_path / "b.onnx")), rtol=1e-5)


def test_a_cache_that_is_none_is_told(tmp_path: Path) -> None:
    cache, model = tmp_path / "ranges.json", mlp()
    for text, message in (("{", "no calibration cache"), ("[]", "no calibration cache"), ('{"data": {}}', "no calibration cache")):
        cache.write_text(text)
        with pytest.raises(DataError, match=message):
            quantize_static(model, tmp_path / "m.onnx", Reader(model), calibration_cache_path=cache)
    cache.unlink()
    quantize_static(model, tmp_path / "m.onnx", Reader(model), calibration_cache_path=cache)
    with pytest.raises(DataError, match="ranges of method MinMax, and Percentile is asked for"):
        quantize_static(model, tmp_path / "m.onnx", None, calibrate_method=CalibrationMethod.Percentile, calibration_cache_path=cache)
    held = json.loads(cache.read_text())
    held["data"].pop("x")
    cache.write_text(json.dumps(held))
    with pytest.raises(DataError, match="lacks tensors"):
        quantize_static(model, tmp_path / "m.onnx", None, calibration_cache_path=cache)
    quantize_static(model, tmp_path / "m.onnx", Reader(model), calibration_cache_path=cache)
    assert "x" in json.loads(cache.read_text())["data"]
    with pytest.raises(StoreError, match="cache cannot be written"):
        quantize_static(model, tmp_path / "m.onnx", Reader(model), calibration_cache_path=cache / "below")


def test_a_smoothed_models_calibration_is_its_own(tmp_path: Path) -> None:
    model, cache = encoder(layers=1), tmp_path / "ranges.json"
    quantize_static(model, tmp_path / "a.onnx", Reader(model), calibration_cache_path=cache)
    plain = cache.read_bytes()
    quantize_static(model, tmp_path / "b.onnx", Reader(model), calibration_cache_path=cache, extra_options={"SmoothQuant": True})
    assert cache.read_bytes() != plain
    with pytest.raises(DataError, match="needs calibration data"):
        quantize_static(model, tmp_path / "c.onnx", None, calibration_cache_path=cache, extra_options={"SmoothQuant": True})


@pytest.mark.parametrize("folding", [True, False])
def test_smoothing_helps_a_model_with_outliers(folding: bool, tmp_path: Path) -> None:
    model = encoder(layers=1)
    norm = next(node for node in model.graph.node if node.op_type == "LayerNormalization")
    scale = next(tensor for tensor in model.graph.initializer if tensor.name == norm.input[1])
    values = numpy_helper.to_array(scale).copy()
    values[:2] = 60.0
    scale.CopyFrom(numpy_helper.from_array(values, scale.name))
    up = next(node.input[1] for node in model.graph.node if node.name == "layer0/up")
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == up)
    values = numpy_helper.to_array(weight).copy()
    values[:2] /= 60.0
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    feed = batches(model, count=1)[0]
    exact = run(model, feed)[0]
    noise = {}
    for smooth in (False, True):
        options = {"SmoothQuant": smooth, "SmoothQuantFolding": folding}
        only = {"op_types_to_quantize": ["MatMul"], "activation_type": _U8, "extra_options": options}
        quantize_static(model, tmp_path / "m.onnx", Reader(model), **only)
        noise[smooth] = float(np.square(run(onnx.load(tmp_path / "m.onnx"), feed)[0] - exact).mean())
    assert noise[True] < noise[False]
