"""What is wrong with a quantized model is found, whichever tool made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import Builder, batches, encoder, mlp, resnet, run, run_plainly
from inc_adaptors.diagnosis import OperatorDiagnosis, exclusions
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.diagnosis.unpack import unpacked
from inc_config.errors import ModelError
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, helper, numpy_helper
from tool import quiet

ADAPTOR = OnnxrtAdaptor(threads=1)
TARGET = Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)


def ours(model: ModelProto) -> tuple[ModelHandle, ModelHandle]:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, TARGET)
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (found.plan(),)))
    return handle, ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)


def theirs(model: ModelProto, folder: Path, quant_format: str) -> ModelHandle:
    """Quantized by onnxruntime's tool with its defaults."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(batches(model))

        def get_next(self) -> Any:
            return next(self.rest, None)

    onnx.save(model, folder / "float.onnx")
    with quiet():
        quantize_static(folder / "float.onnx", folder / "int8.onnx", Reader(), quant_format=QuantFormat[quant_format])
    return ADAPTOR.open(folder / "int8.onnx")


@pytest.mark.parametrize("model", [resnet, encoder, mlp])
def test_every_weighted_operator_has_its_noise_alone_and_cumulative(model: Any) -> None:
    handle, made = ours(model())
    found = ADAPTOR.diagnose(handle, made, batches(handle.native, count=2), calls=2)
    weighted = {op.scope for op, plan in made.state.plan.ops.items() if plan.weight is not None}  # type: ignore[union-attr]  # emitted with a plan
    rows = {row.name: row for row in found.operators}
    assert weighted <= set(rows)
    assert all(rows[name].alone_db is not None and rows[name].cumulative_db is not None for name in weighted)
    first = found.operators[0]
    assert first.alone_db == pytest.approx(first.cumulative_db, abs=0.05)  # nothing before it: exact inputs either way
    assert found.samples == 8
    assert found.float_s > 0.0
    assert found.quantized_s > 0.0


def test_noise_alone_is_that_of_the_operator_alone() -> None:
    """The last Gemm by hand: exact inputs through its rounding, against the exact result."""
    handle, made = ours(mlp())
    feed = batches(handle.native, count=1)[0]
    row = ADAPTOR.diagnose(handle, made, [feed], calls=1).operators[-1]
    source = handle.native.graph.node[-1].input[0]
    tapped = ModelProto()
    tapped.CopyFrom(handle.native)
    tapped.graph.output.append(helper.make_tensor_value_info(source, onnx.TensorProto.FLOAT, None))
    exact, inputs = run(tapped, feed)
    arrays = {t.name: numpy_helper.to_array(t) for t in made.native.graph.initializer}
    scale, zero = made.state.qparams["gemm_4/input:0"]
    rounded = (np.clip(np.rint(inputs / scale) + zero, 0, 255) - zero) * scale
    weight_scale = made.state.qparams["gemm_4/weight"][0]
    node = handle.native.graph.node[-1]
    codes = arrays[f"{node.input[1]}_codes"].astype(np.float64) * weight_scale[:, None]
    bias_codes = arrays[f"{node.input[2]}_codes"].astype(np.float64) * (scale * weight_scale)
    result = rounded.astype(np.float64) @ codes.T + bias_codes
    wanted = 10 * np.log10(np.square(exact).sum() / np.square(exact - result).sum())
    assert row.name == "gemm_4"
    assert row.alone_db == pytest.approx(wanted, abs=0.05)


@pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool
def test_a_default_model_of_onnxruntimes_tool_has_known_faults(tmp_path: Path) -> None:
    """Its defaults leave BatchNormalization between convolution and quantizer, so that most convolutions stay in float."""
    handle = ADAPTOR.open(resnet())
    found = ADAPTOR.diagnose(handle, theirs(resnet(), tmp_path, "QDQ"), batches(handle.native, count=2), calls=5)
    assert any("BatchNormalization not folded" in text for text in found.findings)
    assert any("QuantizeLinear and DequantizeLinear run by themselves" in text for text in found.findings)
    assert {row.name for row in found.operators if row.type == "Conv"} == {"conv_0", "conv_4", "conv_7", "conv_11", "conv_14", "conv_16"}
    assert found.overhead_s > 0.1 * found.quantized_s


@pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool
def test_a_qoperator_model_with_int8_activations_is_told_so(tmp_path: Path) -> None:
    handle = ADAPTOR.open(resnet())
    found = ADAPTOR.diagnose(handle, theirs(resnet(), tmp_path, "QOperator"), batches(handle.native, count=2), calls=5)
    convolutions = [row for row in found.operators if row.type == "Conv"]
    assert len(convolutions) == 6
    assert all(row.alone_db is not None and row.alone_db > 30.0 for row in convolutions)
    assert any("int8 activations" in row.slower_because for row in convolutions)


@pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool
def test_written_out_integer_operators_compute_the_same(tmp_path: Path) -> None:
    model = theirs(mlp(), tmp_path, "QOperator").native
    feed = batches(mlp(), count=1)[0]
    exact, other = run_plainly(model, feed)[0], run_plainly(unpacked(model), feed)[0]
    step = np.diff(np.unique(exact)).min()
    assert np.abs(exact - other).max() <= step * 1.001


def test_an_operator_with_an_outlier_range_is_proposed_for_exclusion() -> None:
    b = Builder()
    x = b.input("x", ["n", 16])
    y = b.gemm(x, 16, 16, name="good")
    scaled = b.node("Mul", y, b.constant(np.array([200.0] + [0.05] * 15, np.float32)), name="spread")
    weight = b.normal(8, 16, fan=16)
    weight[:, 0] = 0.0  # only the small channels matter, and they have no codes left
    bad = b.node("Gemm", scaled, b.constant(weight), b.constant(np.zeros(8, np.float32)), transB=1, name="bad")
    handle, made = ours(b.model((bad, ["n", 8])))
    found = ADAPTOR.diagnose(handle, made, batches(handle.native, count=2), calls=2)
    assert "bad" in {each.name for each in found.exclusions}
    assert next(row for row in found.operators if row.name == "bad").alone_db < 20.0  # type: ignore[operator]  # it is measured
    assert next(row for row in found.operators if row.name == "good").alone_db > 30.0  # type: ignore[operator]  # it is measured


def test_a_slower_operator_is_excluded_only_where_it_matters() -> None:
    slow = OperatorDiagnosis(name="slow", type="Conv", float_s=1e-3, quantized_s=2e-3, slower_because="why")
    tiny = OperatorDiagnosis(name="tiny", type="Conv", float_s=1e-6, quantized_s=2e-6, slower_because="why")
    assert [each.name for each in exclusions((slow, tiny), total_s=1e-2)] == ["slow"]


def test_bad_results_are_proposed_before_slow_ones_and_the_worst_first() -> None:
    rows = (
        OperatorDiagnosis(name="slow", type="Conv", alone_db=30.0, float_s=1e-3, quantized_s=2e-3, slower_because="why"),
        OperatorDiagnosis(name="slower", type="Conv", float_s=1e-3, quantized_s=3e-3, slower_because="why"),
        OperatorDiagnosis(name="bad", type="Conv", alone_db=15.0),
        OperatorDiagnosis(name="worst", type="Conv", alone_db=-3.0),
    )
    assert [each.name for each in exclusions(rows, total_s=1e-2)] == ["worst", "bad", "slower", "slow"]


def test_two_models_without_a_common_quantized_operator_are_refused() -> None:
    handle = ADAPTOR.open(mlp())
    with pytest.raises(ModelError, match="no quantized operator"):
        ADAPTOR.diagnose(handle, ADAPTOR.copy(handle), batches(mlp(), count=1), calls=1)
