"""The drop-in takes what onnxruntime's tool takes, or says why not."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime.quantization as theirs
import pytest
from graphs import encoder, mlp
from inc_adaptors.onnxrt import quantize, quantize_dynamic, quantize_static
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import CalibrationError, DataError, IncError, PlanError
from onnx import numpy_helper
from tool import Reader


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    onnx.save(mlp(), tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


@pytest.mark.parametrize("name", ["quantize_static", "quantize_dynamic"])
def test_the_signature_is_onnxruntimes(name: str) -> None:
    ours = inspect.signature({"quantize_static": quantize_static, "quantize_dynamic": quantize_dynamic}[name])
    original = inspect.signature(getattr(theirs, name))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [(p.name, p.default) for p in original.parameters.values()]


def test_importing_the_folder_loads_no_framework() -> None:
    code = "import sys, inc_adaptors.onnxrt; sys.exit(any(m in sys.modules for m in ('onnx', 'onnxruntime')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_message_selected_nodes_and_a_file_of_weights(tmp_path: Path) -> None:
    model = mlp()
    quantize_static(
        model, str(tmp_path / "out.onnx"), Reader(model), nodes_to_exclude=["gemm_0"], op_types_to_quantize=["Gemm"], reduce_range=True,
        use_external_data_format=True,
    )  # fmt: skip
    assert (tmp_path / "out.onnx.data").is_file()
    made = OnnxrtAdaptor(threads=1).open(tmp_path / "out.onnx")
    assert "gemm_0" not in OnnxrtAdaptor().integers(made)
    assert {"gemm_2", "gemm_4"} <= OnnxrtAdaptor().integers(made)
    codes = [numpy_helper.to_array(t) for t in made.native.graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 2]
    assert codes
    assert max(int(np.abs(code).max()) for code in codes) == 64  # as the tool: 64 times 255, twice, fits int16


def test_smoothquant_is_an_option_again(tmp_path: Path) -> None:
    model = encoder()
    quantize_static(model, tmp_path / "out.onnx", Reader(model), extra_options={"SmoothQuant": True, "SmoothQuantAlpha": 0.6})
    assert any(tensor.name.endswith("_smoothing") for tensor in onnx.load(tmp_path / "out.onnx").graph.initializer)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation_type": theirs.QuantType.QInt8, "weight_type": theirs.QuantType.QUInt8}, "no kernels for uint8 weights"),
        ({"activation_type": theirs.QuantType.QInt4}, "4 bits cannot be quantized at run time"),
        ({"weight_type": theirs.QuantType.QFLOAT8E4M3FN}, "no arithmetic in float8"),
        ({"weight_type": "QInt8"}, "no integer QuantType"),
        ({"quant_format": theirs.QuantFormat.QOperator, "activation_type": theirs.QuantType.QUInt16}, "Integer operators have 8 bits"),
        ({"quant_format": "QDQ"}, "quant_format"),
        ({"calibrate_method": "MinMax"}, "calibrate_method"),
        ({"calibration_providers": ["CUDAExecutionProvider", "CPUExecutionProvider"]}, "calibration_providers"),
        ({"extra_options": {"EnableSubgraph": True}}, "in dynamic mode only"),
        ({"extra_options": {"BlockSize": 32}}, "weight-only"),
        ({"extra_options": {"ActivationSymetric": 1}}, "did you mean 'ActivationSymmetric'"),
        ({"extra_options": {"CalibPercentile": 120, "DedicatedQDQPair": "yes"}}, "no number from 0 to 100.* neither True nor False"),
        ({"extra_options": {"CalibStridedMinMax": 0}}, "no positive whole number"),
        ({"extra_options": {"OpTypesToExcludeOutputQuantization": "Conv"}}, "no list of operator types"),
        ({"extra_options": {"QDQOpTypePerChannelSupportToAxis": {"MatMul": "1"}}}, "does not map operator types to axes"),
        ({"per_channel": True, "extra_options": {"QDQOpTypePerChannelSupportToAxis": {"Gemm": 1}}}, "onnxruntime fails when it runs them"),
        ({"nodes_to_exclude": ["gemm_1"]}, "no node 'gemm_1'.*did you mean 'gemm_"),
        ({"op_types_to_quantize": ["Conv"]}, "Nothing is left"),
        ({"op_types_to_quantize": "Gemm"}, "no list of names.*op_types_to_quantize"),
        ({"nodes_to_exclude": [1]}, "no list of names.*nodes_to_exclude"),
        ({"extra_options": ["SmoothQuant"]}, "is no mapping"),
    ],
)
def test_what_is_not_offered_is_refused_with_a_reason(saved: Path, tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=f"(?s){message}"):
        quantize_static(saved, tmp_path / "out.onnx", Reader(mlp()), **arguments)
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize("providers", [None, "CPUExecutionProvider", ["CPUExecutionProvider"], [("CPUExecutionProvider", {})], []])
def test_the_processor_may_be_named_in_any_form(saved: Path, tmp_path: Path, providers: Any) -> None:
    quantize_static(saved, tmp_path / "out.onnx", Reader(mlp()), calibration_providers=providers)
    assert (tmp_path / "out.onnx").is_file()


def test_options_that_only_bound_onnxruntimes_memory_are_taken(saved: Path, tmp_path: Path) -> None:
    options = {"CalibMaxIntermediateOutputs": 2, "DefaultTensorType": 1, "TensorQuantOverrides": {}, "MinimumRealRange": None}
    quantize_static(saved, tmp_path / "out.onnx", Reader(mlp()), extra_options=options)
    assert (tmp_path / "out.onnx").is_file()


def test_configurations_are_taken_as_they_are(saved: Path, tmp_path: Path) -> None:
    options = {"activation_type": theirs.QuantType.QUInt8, "per_channel": True, "nodes_to_exclude": ["gemm_0"]}
    quantize(saved, tmp_path / "a.onnx", theirs.StaticQuantConfig(Reader(mlp()), **options))
    quantize_static(saved, tmp_path / "b.onnx", Reader(mlp()), **options)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    quantize(saved, tmp_path / "c.onnx", theirs.DynamicQuantConfig(weight_type=theirs.QuantType.QUInt8))
    quantize_dynamic(saved, tmp_path / "d.onnx", weight_type=theirs.QuantType.QUInt8)
    assert (tmp_path / "c.onnx").read_bytes() == (tmp_path / "d.onnx").read_bytes()
    with pytest.raises(PlanError, match="A dict is not offered"):
        quantize(saved, tmp_path / "e.onnx", {})


def test_a_model_of_nan_is_told(tmp_path: Path) -> None:
    model = mlp()
    weight = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 2)
    weight.CopyFrom(numpy_helper.from_array(np.full(tuple(weight.dims), np.nan, np.float32), weight.name))
    with pytest.raises(PlanError, match="calibration saw NaN"):
        quantize_static(model, tmp_path / "out.onnx", Reader(model))
    with pytest.raises(CalibrationError, match="The weight holds NaN"):
        quantize_dynamic(model, tmp_path / "out.onnx")


def test_missing_data_and_an_unwritable_place_are_told(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs calibration data"):
        quantize_static(saved, tmp_path / "out.onnx")
    with pytest.raises(IncError, match="cannot be written"):
        quantize_static(saved, tmp_path / "no" / "folder" / "out.onnx", Reader(mlp()))
