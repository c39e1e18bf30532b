"""What ``TensorQuantOverrides`` fixes for single tensors is kept, as by onnxruntime's tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import branches, mlp, resnet
from inc_adaptors.onnxrt import quantize_static
from inc_config.errors import PlanError
from onnx import ModelProto, TensorProto, numpy_helper
from onnxruntime.quantization import QuantType
from tool import Both, Reader, statically

pytestmark = pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool

ROUNDING = 1.01
_WEIGHT = "c1"  # of the first Gemm of ``mlp``, (64, 32), and of the first Conv of ``resnet``


def overridden(model: ModelProto, folder: Path, overrides: dict[str, Any], **options: Any) -> Both:
    options = {"activation_type": QuantType.QUInt8, **options}
    return statically(model, folder, extra_options={"TensorQuantOverrides": overrides}, **options)


def parameters(model: ModelProto, tensor: str) -> tuple[Any, Any]:
    """Scale and zero point of the quantizer that reads a tensor."""
    arrays = {held.name: held for held in model.graph.initializer}
    node = next(node for node in model.graph.node if node.op_type == "QuantizeLinear" and node.input[0].startswith(tensor))
    return arrays[node.input[1]], arrays[node.input[2]]


@pytest.mark.parametrize(
    "override",
    [
        {"scale": np.array(0.05, np.float32), "zero_point": np.array(100, np.uint8)},  # the tool takes arrays only
        {"rmin": np.float32(-2.0), "rmax": np.float32(6.0)},
        {"rmax": np.float32(6.0)},
        {"symmetric": True},
        {"quant_type": QuantType.QUInt16},
        {"quant_type": QuantType.QInt8, "symmetric": True, "rmin": np.float32(-1.0), "rmax": np.float32(3.0)},
    ],
)
def test_an_activation(override: dict[str, Any], tmp_path: Path) -> None:
    made = overridden(mlp(), tmp_path, {"x": [override]})
    ours, original = (parameters(model, "x") for model in (made.ours, made.theirs))
    for mine, theirs in zip(ours, original, strict=True):
        assert mine.data_type == theirs.data_type
        assert np.allclose(numpy_helper.to_array(mine), numpy_helper.to_array(theirs), rtol=1e-5)
    assert made.steps <= ROUNDING


@pytest.mark.parametrize(
    ("entries", "stored"),
    [
        ([{"quant_type": QuantType.QInt4}], TensorProto.INT4),
        ([{"quant_type": QuantType.QUInt8}], TensorProto.UINT8),
        ([{"quant_type": QuantType.QInt16}], TensorProto.INT16),
        ([{"symmetric": False}], TensorProto.INT8),
        ([{"reduce_range": True}], TensorProto.INT8),
        ([{"rmin": -0.5, "rmax": 0.5}], TensorProto.INT8),
        ([{"scale": 0.02, "zero_point": 3}], TensorProto.INT8),
        ([{"axis": 0}], TensorProto.INT8),
        ([{"axis": -2, "quant_type": QuantType.QInt4}], TensorProto.INT4),
        ([{"axis": 0, "scale": 0.01 + i / 1e4, "zero_point": 0} for i in range(64)], TensorProto.INT8),
        ([{"axis": 0, "rmin": -0.5 - i / 1e3, "rmax": 0.5} for i in range(64)], TensorProto.INT8),
    ],
)
def test_a_weight(entries: list[dict[str, Any]], stored: int, tmp_path: Path) -> None:
    made = overridden(mlp(), tmp_path, {_WEIGHT: entries})
    arrays = {tensor.name: tensor for tensor in made.ours.graph.initializer}
    assert arrays[f"{_WEIGHT}_codes"].data_type == stored
    assert len(arrays[f"{_WEIGHT}_scale"].dims) == ("axis" in entries[0])
    assert made.steps <= ROUNDING


def test_some_readers_take_another_type(tmp_path: Path) -> None:
    """``trunk`` is uint8 for all but the Add, which reads it converted to uint16, rounded twice."""
    model = branches()
    trunk = next(node.output[0] for node in model.graph.node if node.op_type == "Relu")
    override = {"quant_type": QuantType.QUInt8, "convert": {"quant_type": QuantType.QUInt16, "recv_nodes": {"sum"}}}
    made = overridden(model, tmp_path, {trunk: [override]})
    readers = {node.name: node.input[0] for node in made.ours.graph.node if node.op_type in ("Conv", "Add")}
    assert readers["left"] == readers["right"] != readers["sum"]
    assert TensorProto.UINT16 in {tensor.data_type for tensor in made.ours.graph.initializer}
    assert made.steps <= ROUNDING


def test_all_readers_take_another_type(tmp_path: Path) -> None:
    override = {"quant_type": QuantType.QUInt16, "convert": {"quant_type": QuantType.QUInt8}}
    assert overridden(resnet(batch_norm=False), tmp_path, {"x": [override]}).steps <= ROUNDING


def test_fixed_ranges_need_no_data_of_that_tensor(tmp_path: Path) -> None:
    """A cache that lacks the tensor will do."""
    model, cache = mlp(), tmp_path / "ranges.json"
    options = {"TensorQuantOverrides": {"x": [{"scale": 0.05, "zero_point": 0}]}}
    quantize_static(model, tmp_path / "a.onnx", Reader(model), extra_options=options, calibration_cache_path=cache)
    held = json.loads(cache.read_text())
    held["data"].pop("x")
    cache.write_text(json.dumps(held))
    quantize_static(model, tmp_path / "b.onnx", None, extra_options=options, calibration_cache_path=cache)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"nothing": [{}]}, "no such float tensor"),
        ({"gemm_0_ou": [{}]}, "did you mean 'gemm_0_out'"),
        ({"x": {"scale": 1.0}}, "not a list of mappings"),
        ({"x": [{"scale": 1.0}]}, "'scale' and 'zero_point' go together"),
        ({"x": [{"scale": 1.0, "zero_point": 0, "rmin": 0.0}]}, "beside 'scale' no range"),
        ({"x": [{"reduce_range": True}]}, "'reduce_range' is for constants"),
        ({"x": [{"axis": 0}]}, "only constants have channels"),
        ({"x": [{"convert": {}}]}, "needs a 'quant_type'"),
        ({"x": [{"typ": 1}]}, "unknown keys 'typ'"),
        ({"x": [{"scale": -1.0, "zero_point": 0}]}, "positive, finite scale"),
        ({"x": [{"scale": float("inf"), "zero_point": 0}]}, "no finite number"),
        ({"x": [{"rmin": "low"}]}, "no finite number"),
        ({"x": [{"scale": 1.0, "zero_point": 0.5}]}, "a whole zero point"),
        ({"x": [{"scale": 1.0, "zero_point": 300}]}, "whole zero point from 0 to 255"),
        ({"x": [{"quant_type": QuantType.QFLOAT8E4M3FN}]}, "float8"),
        ({_WEIGHT: [{"axis": 7}]}, "axis 7 is none of shape"),
        ({_WEIGHT: [{"axis": 0}, {}]}, "2 entries for 64 channels"),
        ({_WEIGHT: [{}, {}]}, "need an 'axis'"),
        ({_WEIGHT: [{"convert": {"quant_type": QuantType.QInt8}}]}, "a constant is not converted"),
        ({_WEIGHT: [{"axis": 0, "rmin": -1.0}]}, "'rmin' and 'rmax' go together"),
    ],
)
def test_faults_are_told_and_nothing_is_written(overrides: dict[str, Any], message: str, tmp_path: Path) -> None:
    options = {"TensorQuantOverrides": overrides}
    with pytest.raises(PlanError, match=message):
        quantize_static(mlp(), tmp_path / "m.onnx", Reader(mlp()), activation_type=QuantType.QUInt8, extra_options=options)
    assert not (tmp_path / "m.onnx").exists()
