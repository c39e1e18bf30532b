from __future__ import annotations

import attrs
import numpy as np
import onnx
import pytest
from graphs import batches, mlp, resnet
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt import storing
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import IncError, ModelError

ADAPTOR = OnnxrtAdaptor(threads=1)


def test_a_model_too_large_for_one_message_gets_its_weights_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit lowered from 1 GiB to 1 KiB."""
    monkeypatch.setattr(storing, "_ONE_FILE_BYTES", 1024)
    handle, feed = ADAPTOR.open(resnet()), batches(resnet())[0]
    saved = ADAPTOR.to_saved(handle)
    assert set(saved.files) == {"model.onnx", "model.onnx.data"}
    loaded = ADAPTOR.from_saved(saved)
    assert ADAPTOR.fingerprint(loaded) == ADAPTOR.fingerprint(handle)
    np.testing.assert_array_equal(ADAPTOR.predict(loaded, feed)[0], ADAPTOR.predict(handle, feed)[0])
    assert ADAPTOR.size_bytes(handle) == sum(map(len, saved.files.values()))


def test_the_size_is_that_of_the_written_file_to_the_byte() -> None:
    """Whatever a message holds besides weights: texts, properties, functions, values that are not raw."""
    for proto in (resnet(), mlp()):
        proto.doc_string, proto.graph.doc_string = "model", "graph"
        proto.metadata_props.add(key="a", value="b" * 200)
        proto.graph.metadata_props.add(key="c", value="d")
        proto.graph.quantization_annotation.add(tensor_name="x")
        proto.graph.initializer[0].doc_string = "weight"
        proto.graph.initializer[0].metadata_props.add(key="e", value="f")
        proto.graph.initializer.append(onnx.helper.make_tensor("floats", onnx.TensorProto.FLOAT, [700], np.linspace(0.0, 1.0, 700)))
        proto.functions.add(name="f", domain="test")
        handle = ModelHandle(framework="onnxrt", native=proto, signature=ADAPTOR.open(mlp()).signature)
        assert ADAPTOR.size_bytes(handle) == len(proto.SerializeToString(deterministic=True))


def test_weights_that_are_missing_or_short_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "_ONE_FILE_BYTES", 1024)
    saved = ADAPTOR.to_saved(ADAPTOR.open(resnet()))
    for files in ({"model.onnx": saved.files["model.onnx"]}, {**saved.files, "model.onnx.data": saved.files["model.onnx.data"][:-8]}):
        with pytest.raises(ModelError):
            ADAPTOR.from_saved(attrs.evolve(saved, files=files))


def test_a_saved_model_that_is_none_is_refused() -> None:
    saved = ADAPTOR.to_saved(ADAPTOR.open(mlp()))
    for broken in (
        attrs.evolve(saved, files={"model.onnx": b"nothing of the kind"}),
        attrs.evolve(saved, document={"state": {"plan": 3}}),
        attrs.evolve(saved, document={}),
    ):
        with pytest.raises(IncError):
            ADAPTOR.from_saved(broken)
