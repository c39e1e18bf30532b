"""The drop-in takes what onnxruntime's tool takes, and its models answer like the tool's."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime.quantization as theirs
import pytest
from graphs import batches, depthwise, encoder, mlp, resnet, run
from inc_adaptors.onnxrt import quantize_dynamic, quantize_static
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import DataError, IncError, PlanError
from onnx import ModelProto, numpy_helper


class Reader(theirs.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, model: ModelProto) -> None:
        self.rest = iter(batches(model))

    def get_next(self) -> Any:
        return next(self.rest, None)


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


@pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("activation", ["QUInt8", "QInt8"])
@pytest.mark.parametrize("build", [mlp, depthwise, lambda: resnet(batch_norm=False)])
def test_static_outputs_are_within_one_step_of_the_tools(build: Any, activation: str, per_channel: bool, tmp_path: Path) -> None:
    """One step of the tool's own output quantizer, which is the coarsest that the last operator can have."""
    model = build()
    logging.getLogger().setLevel(logging.ERROR)
    onnx.save(model, tmp_path / "m.onnx")
    options: dict[str, Any] = {"activation_type": theirs.QuantType[activation], "per_channel": per_channel}
    theirs.quantize_static(tmp_path / "m.onnx", tmp_path / "theirs.onnx", Reader(model), **options)
    quantize_static(tmp_path / "m.onnx", tmp_path / "ours.onnx", Reader(model), **options)
    original = onnx.load(tmp_path / "theirs.onnx")
    last = next(node for node in original.graph.node if model.graph.output[0].name in node.output)
    scale = next(t for t in original.graph.initializer if t.name == last.input[1])
    feed = batches(model, count=1)[0]
    a, b = (run(onnx.load(tmp_path / f"{who}.onnx"), feed)[0] for who in ("theirs", "ours"))
    assert np.abs(a - b).max() <= 1.01 * float(numpy_helper.to_array(scale))


@pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool
def test_dynamic_outputs_are_those_of_the_tool(saved: Path, tmp_path: Path) -> None:
    logging.getLogger().setLevel(logging.ERROR)
    theirs.quantize_dynamic(saved, tmp_path / "theirs.onnx", op_types_to_quantize=["MatMul", "Gemm"])
    quantize_dynamic(saved, tmp_path / "ours.onnx")
    feed = batches(mlp(), count=1)[0]
    a, b, exact = (run(onnx.load(p), feed)[0] for p in (tmp_path / "theirs.onnx", tmp_path / "ours.onnx", saved))
    assert np.abs(a - b).max() <= np.abs(a - exact).max()


def test_a_message_selected_nodes_and_a_file_of_weights(tmp_path: Path) -> None:
    model = mlp()
    quantize_static(
        model, str(tmp_path / "out.onnx"), Reader(model), nodes_to_exclude=["gemm_0"], op_types_to_quantize=["Gemm"], reduce_range=True,
        use_external_data_format=True,
    )  # fmt: skip
    assert (tmp_path / "out.onnx.data").is_file()
    made = OnnxrtAdaptor(threads=1).open(tmp_path / "out.onnx")
    assert OnnxrtAdaptor().integers(made) == {"gemm_2", "gemm_4"}
    codes = [numpy_helper.to_array(t) for t in made.native.graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 2]
    assert codes
    assert max(int(np.abs(code).max()) for code in codes) == 63


def test_smoothquant_is_an_option_again(tmp_path: Path) -> None:
    model = encoder()
    quantize_static(model, tmp_path / "out.onnx", Reader(model), extra_options={"SmoothQuant": True, "SmoothQuantAlpha": 0.6})
    assert any(tensor.name.endswith("_smoothing") for tensor in onnx.load(tmp_path / "out.onnx").graph.initializer)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quant_format": theirs.QuantFormat.QOperator}, "quant_format"),
        ({"weight_type": theirs.QuantType.QUInt8}, "weight_type"),
        ({"activation_type": theirs.QuantType.QInt16}, "activation_type"),
        ({"calibrate_method": theirs.CalibrationMethod.Distribution}, "calibrate_method"),
        ({"calibration_providers": ["CUDAExecutionProvider"]}, "calibration_providers"),
        ({"calibration_cache_path": "cache"}, "calibration_cache_path"),
        ({"extra_options": {"DedicatedQDQPair": True}}, "share its pair"),
        ({"extra_options": {"TensorQuantOverrides": {}, "EnableSubgraph": True}}, "subgraphs are left"),
        ({"extra_options": {"NoSuchThing": 1}}, "Unknown option 'NoSuchThing'"),
        ({"extra_options": {"WeightSymmetric": False}}, "WeightSymmetric"),
        ({"nodes_to_exclude": ["nowhere"]}, "no node 'nowhere'"),
        ({"op_types_to_quantize": ["Conv"]}, "Nothing is left"),
    ],
)
def test_what_is_not_offered_is_refused_with_a_reason(saved: Path, tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        quantize_static(saved, tmp_path / "out.onnx", Reader(mlp()), **arguments)
    assert not (tmp_path / "out.onnx").exists()


def test_options_that_only_bound_onnxruntimes_memory_are_taken(saved: Path, tmp_path: Path) -> None:
    quantize_static(
        saved, tmp_path / "out.onnx", Reader(mlp()), extra_options={"CalibMaxIntermediateOutputs": 2, "DedicatedQDQPair": False}
    )
    assert (tmp_path / "out.onnx").is_file()


def test_missing_data_and_an_unwritable_place_are_told(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs calibration data"):
        quantize_static(saved, tmp_path / "out.onnx")
    with pytest.raises(IncError, match="cannot be written"):
        quantize_static(saved, tmp_path / "no" / "folder" / "out.onnx", Reader(mlp()))
