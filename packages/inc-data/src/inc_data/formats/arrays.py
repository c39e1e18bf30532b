"""Arrays of .npy and .npz files, never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError

import numpy as np

from inc_data.faults import fault, one_of
from inc_data.protocols import Array

# NotImplementedError: a compression that zipfile does not know; TokenError: a header that numpy takes for Python 2's.
_DAMAGED = (
    OSError, ValueError, KeyError, EOFError, MemoryError, NotImplementedError, TokenError, zipfile.BadZipFile, zlib.error
)  # fmt: skip
_FIX = "copy it again, or save arrays of numbers or text with numpy.save or numpy.savez"


def read_npy(path: Path, *, mapped: bool = False) -> Array:
    """Return the array of a ``.npy`` file, memory-mapped (read-only) or in memory.

    Raises:
        ValueError: missing, damaged, or an array of objects.
    """
    try:
        if mapped:
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        with path.open("rb") as file:
            return np.asarray(np.load(file, allow_pickle=False))
    except _DAMAGED as error:
        raise ValueError(fault(f"The array cannot be read: {error}.", where=str(path), fix=_FIX)) from error


def read_npz(path: Path, names: tuple[str, ...] | None = None) -> dict[str, Array]:
    """Return the arrays of a ``.npz`` file, or some of them, by name.

    Raises:
        ValueError: missing, damaged, an array of objects, or no array of that name.
    """
    try:
        # numpy leaves a damaged file open when it opened it itself.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            known = list(arrays.files)
            if names is None or set(names) <= set(known):
                return {name: arrays[name] for name in names or known}
    except (*_DAMAGED, AttributeError, TypeError) as error:
        # A .npy under this name gives an array, which is no context manager.
        raise ValueError(fault(f"The arrays cannot be read: {error}.", where=str(path), fix=_FIX)) from error
    missing = next(name for name in names if name not in known)
    raise ValueError(fault(f"The file has no array {missing!r}.", where=str(path), fix=f"there is {one_of(missing, known)}"))
