"""A handle as files and plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping

from inc_config.errors import ModelError, StoreError
from onnx import ModelProto

from inc_adaptors.handle import CompressionState, ModelHandle
from inc_adaptors.onnxrt.external import Source, load_external
from inc_adaptors.onnxrt.loading import check, parse
from inc_adaptors.onnxrt.tensors import WEIGHTS_FILE, raw_bytes, split, weights_bytes
from inc_adaptors.roles import SavedModel
from inc_adaptors.store import pack_state, unpack_state

MODEL_FILE = "model.onnx"
_ONE_FILE_BYTES = 1 << 30  # above this the weights get their own file, as protobuf cannot hold 2 GiB
_AGAIN = "save the model again, or copy the whole folder again"


def to_saved(handle: ModelHandle) -> SavedModel:
    """The model's files, and its compression state as arrays and a document."""
    arrays, document = pack_state(handle.state)
    return SavedModel(arrays=arrays, document={"framework": handle.framework, "state": document}, files=model_files(handle.native))


def model_files(model: ModelProto) -> dict[str, bytes]:
    """The model as files by name: one, or the weights beside it where they are too large for one message."""
    if weights_bytes(model) <= _ONE_FILE_BYTES:
        return {MODEL_FILE: bytes(model.SerializeToString(deterministic=True))}
    parts = split(model)
    weights = b"".join(raw_bytes(tensor) for tensor in parts.weights.values())
    return {MODEL_FILE: bytes(parts.model.SerializeToString(deterministic=True)), WEIGHTS_FILE: weights}


def read_model(files: Mapping[str, bytes]) -> ModelProto:
    """The model of saved files, checked as any foreign model is.

    Raises:
        StoreError: there is no model file.
        ModelError: it is damaged.
    """
    if MODEL_FILE not in files:
        raise StoreError(f"The saved model has no {MODEL_FILE}.", where="saved model", fix=_AGAIN)
    model = parse(files[MODEL_FILE], MODEL_FILE)
    load_external(model, _FromFiles(files), where=MODEL_FILE)
    check(model, MODEL_FILE)
    return model


def read_state(saved: SavedModel) -> CompressionState:
    """Plan, scales, masks and notes.

    Raises:
        StoreError: the document or an array is missing or does not fit.
    """
    if "state" not in saved.document:
        raise StoreError("The saved document says nothing of the model's state.", where="saved model", fix=_AGAIN)
    return unpack_state(saved.arrays, saved.document["state"])


class _FromFiles(Source):
    """External data out of saved files."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def size(self, location: str, name: str, where: str) -> int:
        """Bytes of a file."""
        if location not in self._files:
            raise ModelError(f"The data file {location!r} of tensor {name!r} is missing.", where=where, fix=_AGAIN)
        return len(self._files[location])

    def read(self, location: str, offset: int, length: int) -> bytes:
        """Part of a file."""
        return self._files[location][offset : offset + length]
