"""External data of a model: read from inside the model's folder and from nowhere else."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Protocol

from inc_config.errors import ModelError
from onnx import ModelProto, TensorProto

from inc_adaptors.onnxrt.tensors import all_tensors, expected_bytes

_FIX = "keep the data file beside the model, under a relative name, or save the model again with onnx.save"


_HOLES_BYTES = 1 << 28
"""Up to this a hole in a file is read like zeros."""

_FULLNESS = 16
"""Larger ones are refused where less than this part of them is stored."""


class Source(Protocol):
    """Where external data may come from."""

    def size(self, location: str, name: str, where: str) -> int:
        """Bytes of the file ``location``; raises ModelError where tensor ``name`` may not have it."""

    def read(self, location: str, offset: int, length: int) -> bytes:
        """``length`` bytes of a file that ``size`` allowed."""


class Folder:
    """Files inside one folder: no absolute paths, no ``..``, no symbolic link that leaves it, regular files only."""

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()

    def size(self, location: str, name: str, where: str) -> int:
        """Bytes of a file inside the folder."""
        return self._inside(location, name, where).stat().st_size

    def read(self, location: str, offset: int, length: int) -> bytes:
        """Part of a file inside the folder."""
        with self._inside(location, "", str(self._root)).open("rb") as file:
            if length > _HOLES_BYTES and _is_hollow(file, offset, length):
                raise MemoryError
            file.seek(offset)
            return file.read(length)

    def _inside(self, location: str, name: str, where: str) -> Path:
        pure = PurePosixPath(location.replace("\\", "/"))
        hostile = not location or "\0" in location or pure.is_absolute() or PureWindowsPath(location).drive or ".." in pure.parts
        if not hostile:
            try:
                path = (self._root / pure).resolve(strict=True)
                mode = path.stat().st_mode
            except (OSError, RuntimeError) as error:
                raise ModelError(
                    f"The data file {location!r} of tensor {name!r} cannot be read: {error}.", where=where, fix=_FIX
                ) from error
            if path.is_relative_to(self._root) and stat.S_ISREG(mode):
                return path
        raise ModelError(f"Tensor {name!r} asks for data outside the model's folder: {location!r}.", where=where, fix=_FIX)


def _is_hollow(file: IO[bytes], offset: int, length: int) -> bool:
    """Whether the file stores next to nothing there: zeros that cost nothing on disk and ``length`` bytes of memory."""
    stored, place, end = 0, offset, offset + length
    try:
        while place < end and stored * _FULLNESS < length:
            place = os.lseek(file.fileno(), place, os.SEEK_DATA)
            after = os.lseek(file.fileno(), place, os.SEEK_HOLE)
            stored += max(min(after, end) - place, 0)
            place = after
    except OSError as error:
        if error.errno != errno.ENXIO:  # which says that nothing is stored from there on; others, that the file system cannot tell
            return False
    return stored * _FULLNESS < length


def load_external(model: ModelProto, source: Source | None, *, where: str) -> None:
    """Read every external tensor of ``model`` into it.

    Args:
        model: changed in place: afterwards nothing of it is external.
        source: where data may come from; None (a model from memory) allows no external data.
        where: the model's name for messages.

    Raises:
        ModelError: a location that ``source`` refuses, or offset and length that do not fit the file or the tensor.
    """
    for tensor in all_tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            _load(tensor, source, where)


def _load(tensor: TensorProto, source: Source | None, where: str) -> None:
    facts = {entry.key: entry.value for entry in tensor.external_data}
    location = facts.get("location", "")
    if source is None:
        raise ModelError(
            f"Tensor {tensor.name!r} keeps its data in the file {location!r}, and a model in memory has no folder.",
            where=where,
            fix="give the path of the model file, or load the data first with onnx.load_external_data_for_model",
        )
    offset = _number(facts.get("offset", "0"), "offset", tensor.name, where)
    available = source.size(location, tensor.name, where) - offset
    length = _number(facts["length"], "length", tensor.name, where) if "length" in facts else available
    expected = expected_bytes(tensor)
    if length != expected or length > available:
        raise ModelError(
            f"Tensor {tensor.name!r} of shape {list(tensor.dims)[:8]} needs {expected} bytes; its entry names {length} bytes at offset "
            f"{offset} of {location!r}, which holds {max(available, 0)} from there.",
            where=where,
            fix="save or download the model and its data file again",
        )
    try:
        tensor.raw_data = source.read(location, offset, length)
    except (MemoryError, OverflowError) as error:  # a file with holes can claim any size
        raise ModelError(
            f"Tensor {tensor.name!r} names {length} bytes, more than this machine can hold or the file stores.",
            where=where,
            fix="save or download the model and its data file again",
        ) from error
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")


def _number(text: str, what: str, name: str, where: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise ModelError(f"The {what} {text[:40]!r} of tensor {name!r} is not a number of bytes.", where=where, fix=_FIX)
