"""Dynamic models of the drop-in answer exactly like onnxruntime's tool's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import Builder, depthwise, encoder, mlp, resnet, run
from inc_adaptors.onnxrt import quantize_dynamic
from inc_config.errors import PlanError
from onnx import ModelProto, TensorProto
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


def test_convolutions_stay_in_float_by_default(tmp_path: Path) -> None:
    made = dynamically(resnet(batch_norm=False), tmp_path)
    kinds = {node.op_type for node in made.ours.graph.node}
    assert "ConvInteger" not in kinds
    assert {"Conv", "MatMulInteger"} <= kinds
    assert "ConvInteger" in {node.op_type for node in made.theirs.graph.node}


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
