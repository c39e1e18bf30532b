"""Models that tools renamed, rewrote, smoothed or quantized in their own forms are diagnosed like any other."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import onnxruntime.quantization as tool
import pytest
from graphs import Builder, batches, depthwise, encoder, mlp, resnet
from inc_adaptors.diagnosis import Diagnosis
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import ModelError
from onnx import ModelProto, helper, numpy_helper, version_converter
from test_dropin_static import lstm
from tool import Reader, quiet

pytestmark = pytest.mark.filterwarnings("ignore")  # of onnxruntime's tool

ADAPTOR = OnnxrtAdaptor(threads=1)
WEIGHTED = {"Conv", "Gemm", "LSTM", "MatMul"}


def diagnosed(model: ModelProto, made: ModelProto) -> Diagnosis:
    return ADAPTOR.diagnose(ADAPTOR.open(model), ADAPTOR.open(made), batches(model, count=2, seed=1), calls=1)


def static(model: ModelProto, folder: Path, **options: Any) -> ModelProto:
    """Quantized by onnxruntime's tool."""
    onnx.save(model, folder / "float.onnx")
    with quiet():
        tool.quantize_static(folder / "float.onnx", folder / "int8.onnx", Reader(model), activation_type=tool.QuantType.QUInt8, **options)
    return onnx.load(folder / "int8.onnx")


def dynamic(model: ModelProto, folder: Path, **options: Any) -> ModelProto:
    """Quantized by onnxruntime's tool, ranges found at run time."""
    onnx.save(model, folder / "float.onnx")
    with quiet():
        tool.quantize_dynamic(folder / "float.onnx", folder / "int8.onnx", **options)
    return onnx.load(folder / "int8.onnx")


def scrambled(model: ModelProto) -> ModelProto:
    """Every node, tensor, input and output under another name."""
    rng = random.Random(0)
    made = ModelProto()
    made.CopyFrom(model)
    names: dict[str, str] = {"": ""}

    def other(name: str) -> str:
        return names.setdefault(name, f"t{len(names)}")

    for node in made.graph.node:
        node.input[:] = [other(name) for name in node.input]
        node.output[:] = [other(name) for name in node.output]
        node.name = f"n{rng.randrange(10**6)}"
    for named in (*made.graph.initializer, *made.graph.input, *made.graph.output):
        named.name = other(named.name)
    del made.graph.value_info[:]
    return made


def optimized(model: ModelProto, folder: Path, level: str) -> ModelProto:
    """The model as onnxruntime saves it after its own optimization."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.load(folder / "optimized.onnx")


def products(model: ModelProto) -> set[str]:
    """Names of operators with a constant weight."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return {node.name for node in model.graph.node if node.op_type in WEIGHTED and node.input[1] in weights}


@pytest.mark.parametrize("is_optimized", [False, True])
@pytest.mark.parametrize("build", [resnet, depthwise, encoder, mlp, lstm])
def test_ranges_found_at_run_time(build: Any, is_optimized: bool, tmp_path: Path) -> None:
    model = build()
    made = dynamic(model, tmp_path, op_types_to_quantize=["Conv", "Gemm", "LSTM", "MatMul"])
    if is_optimized:
        made = optimized(made, tmp_path, "ORT_ENABLE_EXTENDED")
    found = diagnosed(model, made)
    assert {row.name for row in found.operators} == products(model)
    assert all(row.alone_db is not None and row.alone_db > 30.0 for row in found.operators)
    assert all(row.quantized_s is not None for row in found.operators)


def test_weights_alone_in_codes(tmp_path: Path) -> None:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    with quiet():
        quantizer = MatMulNBitsQuantizer(encoder(), block_size=16)
        quantizer.process()
    onnx.save(quantizer.model.model, tmp_path / "int4.onnx")
    found = diagnosed(encoder(), onnx.load(tmp_path / "int4.onnx"))
    assert {row.name for row in found.operators} == products(encoder()) - {"head"}
    assert all(row.alone_db is not None and 15.0 < row.alone_db < 35.0 for row in found.operators)


@pytest.mark.parametrize("make", [static, dynamic])
@pytest.mark.parametrize("build", [resnet, encoder, mlp])
def test_names_do_not_matter(build: Any, make: Any, tmp_path: Path) -> None:
    model = build()
    made = make(model, tmp_path)
    plain, renamed = diagnosed(model, made), diagnosed(model, scrambled(made))
    rows = {row.name: row for row in renamed.operators}
    for row in plain.operators:
        if row.name in products(model):
            assert rows[row.name].alone_db == pytest.approx(row.alone_db, abs=2.0), row.name  # it may be read behind the activation
    assert all(row.alone_db is not None and row.alone_db > 20.0 for row in renamed.operators)
    assert [output.sqnr_db for output in renamed.outputs] == [output.sqnr_db for output in plain.outputs]


def test_scales_that_were_put_between_two_operators_are_no_noise() -> None:
    """SmoothQuant divides what a product reads and multiplies its weight."""
    model = mlp()
    made = ModelProto()
    made.CopyFrom(model)
    factors = np.geomspace(0.3, 3.0, 64).astype(np.float32)
    node = next(node for node in made.graph.node if node.name == "gemm_2")
    weight = next(tensor for tensor in made.graph.initializer if tensor.name == node.input[1])
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) / factors, weight.name))
    constants = {"factors": factors, "scale": np.float32(0.05), "zero": np.uint8(0)}
    made.graph.initializer.extend(numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items())
    added = [
        helper.make_node("Mul", [node.input[0], "factors"], ["smoothed"], name="smoothing"),
        helper.make_node("QuantizeLinear", ["smoothed", "scale", "zero"], ["codes"], name="to_codes"),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["rounded"], name="from_codes"),
    ]
    node.input[0] = "rounded"
    place = [other.name for other in made.graph.node].index("gemm_2")
    nodes = [*made.graph.node[:place], *added, *made.graph.node[place:]]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    (row,) = diagnosed(model, made).operators
    assert row.name == "gemm_2"
    assert row.alone_db is not None
    assert row.alone_db > 25.0


def test_another_operator_set_is_no_hindrance(tmp_path: Path) -> None:
    """ReduceMean has its axes as an attribute up to set 17 and as an input from 18 on."""
    made = static(version_converter.convert_version(depthwise(), 21), tmp_path)
    found = diagnosed(depthwise(), made)
    assert products(depthwise()) <= {row.name for row in found.operators}
    assert all(row.alone_db is not None and row.alone_db > 25.0 for row in found.operators)


def test_a_bad_scale_of_a_model_output_is_its_operators(tmp_path: Path) -> None:
    made = static(mlp(), tmp_path)
    name = next(node.input[1] for node in made.graph.node if node.output[0] == made.graph.output[0].name)
    scale = next(tensor for tensor in made.graph.initializer if tensor.name == name)
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) / 8, name))
    found = diagnosed(mlp(), made)
    assert [each.name for each in found.exclusions][:1] == ["gemm_4"]
    assert found.operators[-1].alone_db < 15.0  # type: ignore[operator]  # it is measured


def test_outputs_are_compared_by_name(tmp_path: Path) -> None:
    b = Builder()
    x = b.input("x", ["n", 16])
    left, right = b.gemm(x, 16, 8, name="left"), b.gemm(x, 16, 8, name="right")
    model = b.model((left, ["n", 8]), (right, ["n", 8]))
    made = static(model, tmp_path)
    outputs = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 8]) for name in (right, left)]
    del made.graph.output[:]
    made.graph.output.extend(outputs)
    found = diagnosed(model, made)
    assert [output.name for output in found.outputs] == [left, right]
    assert all(output.sqnr_db > 25.0 for output in found.outputs)


def test_a_model_with_other_outputs_is_refused(tmp_path: Path) -> None:
    made = static(mlp(), tmp_path)
    made.graph.output.append(helper.make_tensor_value_info("relu_1_out", onnx.TensorProto.FLOAT, ["n", 64]))
    with pytest.raises(ModelError, match="1 outputs, the quantized one 2"):
        diagnosed(mlp(), made)


def test_a_model_laid_out_for_one_processor_is_refused(tmp_path: Path) -> None:
    made = optimized(static(resnet(batch_norm=False), tmp_path), tmp_path, "ORT_ENABLE_ALL")
    with pytest.raises(ModelError, match="in a layout that onnxruntime chose"):
        diagnosed(resnet(batch_norm=False), made)


@pytest.mark.parametrize("quant_format", list(tool.QuantFormat))
def test_a_relu_that_no_clamp_stands_for_any_more_is_told(quant_format: Any, tmp_path: Path) -> None:
    """The tool drops a Relu whose quantizer begins at zero; with another zero point negative values pass."""
    b = Builder()
    y = b.node("Relu", b.gemm(b.input("x", ["n", 16]), 16, 32, name="first"), name="clamp")
    model = b.model((b.gemm(y, 32, 8, name="second"), ["n", 8]))
    made = static(model, tmp_path, quant_format=quant_format)
    zeros = [tensor for tensor in made.graph.initializer if tensor.name in {"clamp_out_zero_point", "first_out_zero_point"}]
    assert len(zeros) == 1
    zeros[0].CopyFrom(numpy_helper.from_array(np.uint8(128), zeros[0].name))
    found = diagnosed(model, made)
    assert [each.name for each in found.exclusions][:1] == ["second"]
