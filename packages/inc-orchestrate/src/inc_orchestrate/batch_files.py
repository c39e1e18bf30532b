"""Batches as files between processes: arrays in ``.npz`` with their structure beside them, and nothing that would need unpickling."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from inc_adaptors.batches import to_numpy
from inc_config.errors import DataError, StoreError
from inc_config.files import atomic_write
from numpy.typing import NDArray

_STRUCTURE = "structure"


class _UnfitError(TypeError):
    """Something that a file cannot hold as it is."""


def write_batch(path: Path, batch: Any, *, where: str = "calibrate=") -> None:
    """Write one batch, of what an error says ``where`` it comes from: dicts, tuples and lists over arrays, tensors and plain values.

    Raises:
        DataError: it holds something that a file cannot hold as it is.
        OSError: the file cannot be written.
    """
    arrays: list[NDArray[Any]] = []
    try:
        structure = json.dumps(_describe(batch, arrays))
    except _UnfitError as error:
        raise DataError(f"A batch holds {error}.", where=where, fix="yield arrays, or tuples, lists or dicts of them") from error
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{_STRUCTURE: np.array(structure)}, **{str(place): array for place, array in enumerate(arrays)})
    atomic_write(path, content.getvalue())


def read_batch(path: Path) -> Any:
    """Read what ``write_batch`` wrote, with numpy arrays where there were tensors.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            return _restore(json.loads(str(found[_STRUCTURE])), found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"A batch cannot be read: {error}", where=str(path), fix="start the run again") from error


def _describe(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """The structure as JSON data, a place in ``arrays`` for every array."""
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise _UnfitError("a dict whose keys are not text")
        return {"dict": {key: _describe(item, arrays) for key, item in value.items()}}
    if type(value) in (tuple, list):
        return {type(value).__name__: [_describe(item, arrays) for item in value]}
    arrays.append(_array(value))
    return {"array": len(arrays) - 1}


def _array(value: Any) -> NDArray[Any]:
    if not hasattr(value, "shape"):
        raise _UnfitError(f"a {type(value).__name__}")
    kind = str(getattr(value, "dtype", "")).rpartition(".")[2]
    try:
        array = to_numpy(value)
    except (DataError, TypeError, RuntimeError) as error:
        raise _UnfitError(f"a {type(value).__name__} of {kind}") from error
    if array.dtype.name != kind:
        raise _UnfitError(f"a {type(value).__name__} of {kind}, which numpy lacks")
    return array


def _restore(structure: Any, found: Any) -> Any:
    ((kind, inner),) = structure.items()
    if kind == "value":
        return inner
    if kind == "array":
        return found[str(inner)]
    if kind == "dict":
        return {key: _restore(item, found) for key, item in inner.items()}
    made = [_restore(item, found) for item in inner]
    return made if kind == "list" else tuple(made)
