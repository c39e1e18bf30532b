"""A handle as files and plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inc_config.errors import ModelError, StoreError
from onnx import ModelProto, TensorProto

from inc_adaptors.handle import CompressionState, ModelHandle
from inc_adaptors.onnxrt.external import Source, load_external
from inc_adaptors.onnxrt.loading import check, parse
from inc_adaptors.onnxrt.tensors import LARGE_BYTES, WEIGHTS_FILE, expected_bytes, raw_bytes, split, weights_bytes
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


def files_bytes(model: ModelProto) -> int:
    """How many bytes ``model_files`` would have, found without writing out large weights."""
    if weights_bytes(model) > _ONE_FILE_BYTES:
        parts = split(model)
        return int(parts.model.ByteSize()) + sum(expected_bytes(tensor) or 0 for tensor in parts.weights.values())
    graph = int(_without(model.graph, "initializer").ByteSize())
    graph += sum(_field_bytes(_tensor_bytes(tensor)) for tensor in model.graph.initializer)
    return int(_without(model, "graph").ByteSize()) + _field_bytes(graph)


def _tensor_bytes(tensor: TensorProto) -> int:
    """What ``tensor.ByteSize()`` says, which writes the values out to count them."""
    size = expected_bytes(tensor)
    if size is None or size <= LARGE_BYTES or not tensor.HasField("raw_data"):
        return int(tensor.ByteSize())
    rest = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    if tensor.HasField("doc_string"):
        rest.doc_string = tensor.doc_string
    rest.metadata_props.extend(tensor.metadata_props)
    return int(rest.ByteSize()) + _field_bytes(size)


def _field_bytes(size: int) -> int:
    """Bytes of a field of ``size`` bytes: its tag (one byte for the fields counted here), its length in groups of 7 bits, itself."""
    return 1 + max(1, -(-size.bit_length() // 7)) + size


def _without(message: Any, name: str) -> Any:
    """A copy of a protobuf message that lacks one field."""
    made = type(message)()
    for field, value in message.ListFields():
        if field.name == name:
            continue
        if hasattr(value, "extend"):
            getattr(made, field.name).extend(value)
        elif hasattr(value, "CopyFrom"):
            getattr(made, field.name).CopyFrom(value)
        else:
            setattr(made, field.name, value)
    return made


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
