from __future__ import annotations

import attrs
import numpy as np
import pytest
from graphs import batches, mlp, resnet
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
