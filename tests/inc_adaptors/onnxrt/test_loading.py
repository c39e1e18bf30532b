from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import Builder, batches, mlp, resnet, run
from inc_adaptors.handle import TensorSpec
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.tensors import typed_values
from inc_config.errors import DataError, ModelError
from onnx import ModelProto, NodeProto, TensorProto, helper

ADAPTOR = OnnxrtAdaptor(threads=1)


def test_a_path_bytes_and_a_message_are_one_model(tmp_path: Path) -> None:
    model = resnet()
    onnx.save(model, tmp_path / "model.onnx")
    handles = [ADAPTOR.open(given) for given in (tmp_path / "model.onnx", str(tmp_path / "model.onnx"), model.SerializeToString(), model)]
    assert len({ADAPTOR.fingerprint(handle) for handle in handles}) == 1
    feed = batches(model)[0]
    for handle in handles:
        np.testing.assert_allclose(ADAPTOR.predict(handle, feed)[0], run(model, feed)[0], rtol=1e-5, atol=1e-5)


def test_the_signature_has_dynamic_axes_and_no_initializers() -> None:
    model = mlp()
    declared = model.graph.initializer[0]  # before IR version 4 initializers were inputs too
    model.graph.input.append(helper.make_tensor_value_info(declared.name, declared.data_type, list(declared.dims)))
    signature = ADAPTOR.open(model).signature
    assert signature.inputs == (TensorSpec(name="x", shape=(None, 32), dtype="float32"),)
    assert [spec.shape for spec in signature.outputs] == [(None, 10)]


def test_outputs_without_a_shape_get_the_one_that_inference_finds() -> None:
    model = resnet()
    model.graph.output[0].type.tensor_type.ClearField("shape")
    handle = ADAPTOR.open(model)
    assert handle.signature.outputs == (TensorSpec(name=model.graph.output[0].name, shape=(None, 10), dtype="float32"),)
    assert ADAPTOR.predict(handle, batches(model)[0])[0].shape == (4, 10)
    assert not model.graph.output[0].type.tensor_type.HasField("shape")


def test_an_output_of_unknown_rank_is_taken_as_it_is() -> None:
    b = Builder()
    b.input("x", ["n", 32])
    shape = b.node("Cast", b.node("Unknown", "x", domain="my.ops"), to=TensorProto.INT64)
    model = mlp()
    model.graph.node.extend([*b.nodes, helper.make_node("Reshape", ["x", shape], ["y"], name="last")])
    model.graph.output.append(helper.make_empty_tensor_value_info("y"))
    model.graph.output[-1].type.tensor_type.elem_type = TensorProto.FLOAT
    model.opset_import.append(helper.make_opsetid("my.ops", 1))
    assert ADAPTOR.open(model).signature.outputs[1].name == "y"


def test_the_callers_model_and_folder_stay_as_they_are(tmp_path: Path) -> None:
    model = resnet(named=False, opset=11)
    before = model.SerializeToString(deterministic=True)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    for given in (model, path):
        handle = ADAPTOR.open(given)
        capabilities = ADAPTOR.capabilities(handle, ADAPTOR.target())
        statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(capabilities, (capabilities.plan(),)))
        ADAPTOR.predict(ADAPTOR.emitter(handle, statistics, capabilities).emit(capabilities.plan(), final=True), batches(model)[0])
    assert model.SerializeToString(deterministic=True) == before
    assert [child.name for child in tmp_path.iterdir()] == ["model.onnx"]
    assert onnx.load(path) == model


def test_changing_the_callers_model_later_changes_nothing() -> None:
    model = mlp()
    handle = ADAPTOR.open(model)
    before = ADAPTOR.predict(handle, batches(mlp())[0])[0]
    model.graph.node[0].op_type = "Nonsense"
    np.testing.assert_array_equal(ADAPTOR.predict(ADAPTOR.copy(handle), batches(mlp())[0])[0], before)


def _truncated(model: ModelProto) -> bytes:
    data = model.SerializeToString()
    return data[: len(data) // 2]


def _cyclic(model: ModelProto) -> ModelProto:
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]
    return model


def _short_weight(model: ModelProto) -> ModelProto:
    model.graph.initializer[0].dims[0] = 1 << 40
    return model


def _short_values(model: ModelProto) -> ModelProto:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.float_data.extend([1.0] * 5)
    return model


def _no_values(model: ModelProto) -> ModelProto:
    model.graph.initializer[0].ClearField("raw_data")
    return model


def _old(model: ModelProto) -> ModelProto:
    model.opset_import[0].version = 9
    return model


def _future(model: ModelProto) -> ModelProto:
    model.opset_import[0].version = 999
    return model


def _no_tensor(model: ModelProto) -> ModelProto:
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
    return model


BROKEN: dict[str, tuple[Callable[[ModelProto], Any], str]] = {
    "short values": (_short_values, "holds 5 values, not 2048"),
    "no values": (_no_values, "holds 0 values, not 2048"),
    "truncated": (_truncated, "truncated|Not a valid"),
    "text": (lambda _: b"version https://git-lfs.github.com/spec/v1", "Not an ONNX model"),
    "empty": (lambda _: b"", "Not a valid"),
    "cyclic": (_cyclic, "Not a valid"),
    "weight shorter than its shape": (_short_weight, "holds .* bytes"),
    "operator set 9": (_old, "operator set 9"),
    "operator set 999": (_future, "operator set 999"),
    "sequence input": (_no_tensor, "no tensor"),
    "unknown operator": (lambda m: _renamed(m, "NoSuchOperator"), "NoSuchOperator"),
    "a dict": (lambda _: {"graph": 1}, "dict is not an ONNX model"),
}


def _renamed(model: ModelProto, op_type: str) -> ModelProto:
    model.graph.node[0].op_type = op_type
    return model


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_fit_model_is_refused(name: str) -> None:
    spoil, message = BROKEN[name]
    with pytest.raises(ModelError, match=message) as caught:
        ADAPTOR.open(spoil(mlp()))
    assert caught.value.fix


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelError):
            ADAPTOR.open(path)


def test_an_operator_of_an_unknown_domain_fails_when_it_is_run() -> None:
    b = Builder()
    y = b.node("Magic", b.input("x", ["n", 4]), domain="acme")
    model = helper.make_model(
        helper.make_graph(b.nodes, "g", b.inputs, [helper.make_tensor_value_info(y, TensorProto.FLOAT, ["n", 4])]),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("acme", 1)],
        ir_version=8,
    )
    handle = ADAPTOR.open(model)
    with pytest.raises(ModelError, match=r"acme|Magic"):
        ADAPTOR.predict(handle, np.zeros((1, 4), np.float32))


def test_contradicting_types_are_a_model_error() -> None:
    model = mlp()
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    handle = ADAPTOR.open(model)
    with pytest.raises(ModelError, match="onnxruntime"):
        ADAPTOR.predict(handle, batches(model)[0])


def test_inputs_are_cast_only_where_nothing_is_lost() -> None:
    handle, feed = ADAPTOR.open(mlp()), batches(mlp())[0]
    expected = ADAPTOR.predict(handle, feed)[0]
    np.testing.assert_array_equal(ADAPTOR.predict(handle, feed["x"].astype(np.float64))[0], expected)
    with pytest.raises(DataError, match="type"):
        ADAPTOR.predict(handle, (feed["x"] * 10).astype(np.int64))


@pytest.mark.parametrize("wrong", [{"y": np.zeros((2, 32), np.float32)}, np.zeros((2, 33), np.float32), (np.zeros((2, 32)),) * 2])
def test_names_shapes_and_numbers_that_do_not_fit_show_both_sides(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"32.*x: float32\[\?, 32\]"):
        ADAPTOR.predict(ADAPTOR.open(mlp()), wrong)


def test_non_finite_inputs_are_refused() -> None:
    feed = batches(mlp())[0]["x"].copy()
    feed[1, 2] = np.nan
    with pytest.raises(DataError, match="non-finite"):
        ADAPTOR.predict(ADAPTOR.open(mlp()), feed)


def test_inputs_that_an_operator_refuses_are_a_model_error() -> None:
    b = Builder()
    y = b.node("Reshape", b.input("x", ["n", 4]), b.constant(np.array([2, 4], np.int64)))
    handle = ADAPTOR.open(b.model((y, [2, 4])))
    with pytest.raises(ModelError, match=r"Reshape"):
        ADAPTOR.predict(handle, np.zeros((3, 4), np.float32))


def test_a_file_too_large_for_a_message_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(mlp().SerializeToString())
    os.truncate(path, 1 << 34)
    with pytest.raises(ModelError, match="at most 2,147,483,647"):
        ADAPTOR.open(path)


def test_nodes_in_any_order_are_read_as_onnxruntime_reads_them() -> None:
    model, feed = resnet(), batches(resnet(), count=1)[0]
    expected = run(resnet(), feed)[0]
    nodes = [NodeProto.FromString(node.SerializeToString()) for node in reversed(model.graph.node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    np.testing.assert_array_equal(ADAPTOR.predict(ADAPTOR.open(model), feed)[0], expected)


@pytest.mark.parametrize("element", sorted(set(TensorProto.DataType.values()) - {TensorProto.UNDEFINED, TensorProto.STRING}))
def test_typed_values_of_every_element_type_are_counted(element: int) -> None:
    values = np.array([0, 1, 1, 0, 1]).astype(helper.tensor_dtype_to_np_dtype(element))
    found = typed_values(helper.make_tensor("t", element, [5], values))
    assert found is not None
    assert found[0] == found[1]
