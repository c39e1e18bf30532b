"""Write a saved folder in one step: at every moment it is all of the earlier save or all of the new one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from inc_config import files
from inc_config.errors import StoreError
from numpy.typing import NDArray
from safetensors.numpy import save as dump_arrays

from inc_adaptors.roles import SavedModel
from inc_adaptors.store.manifest import ARRAYS, DOCUMENT, MANIFEST, Entry, Kind, Manifest, dump, dump_manifest, entry_of
from inc_adaptors.store.reading import read_manifest, strangers
from inc_adaptors.store.siblings import discard, locked, previous, recover, saving

_NUMBERS = frozenset(["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"])


def save(saved: SavedModel, folder: str | os.PathLike[str], *, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a model to a folder, replacing an earlier save there.

    Everything is written and synced beside the folder and renamed into place, so that a failure, Ctrl-C or kill leaves the earlier save.

    Args:
        saved: the model as data.
        folder: absent, empty, or an earlier save.
        extra: what else to keep in the folder: JSON data under a name in ``.json``, bytes under any other.

    Returns:
        The folder's absolute path.

    Raises:
        StoreError: the folder holds something else or cannot be written, or the content has no place in a save.
    """
    path = Path(folder).resolve()
    contents = _contents(saved, extra or {})
    try:
        recover(path)
        _check_replaceable(path)
        _make_parents(path.parent)
        with locked(path.parent):
            _check_replaceable(path)
            discard(saving(path))
            _write_all(contents, saving(path))
            _put_in_place(path)
    except OSError as error:
        raise _not_saved(path, error) from error
    return path


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Find out before long work that a folder cannot be saved to.

    Raises:
        StoreError: it holds something else, or nothing can be created where it is to be.
    """
    path = Path(folder).resolve()
    try:
        _check_replaceable(path)
        ancestor = next(parent for parent in path.parents if parent.exists())
        probe = ancestor / f".{path.name}.inc-probe-{secrets.token_hex(4)}"
        files.fs.mkdir(probe)
        files.fs.rmdir(probe)
    except OSError as error:
        raise _not_saved(path, error) from error


def _contents(saved: SavedModel, extra: Mapping[str, Any]) -> dict[Entry, bytes]:
    data: list[tuple[str, Kind, bytes]] = [
        (ARRAYS, Kind.ARRAYS, dump_arrays({name: _plain(name, array) for name, array in saved.arrays.items()})),
        (DOCUMENT, Kind.DOCUMENT, dump(saved.document, where=DOCUMENT)),
        *((name, Kind.NATIVE, content) for name, content in saved.files.items()),
        *((name, Kind.EXTRA, _extra(name, value)) for name, value in extra.items()),
    ]
    try:
        entries = {entry_of(name, kind, content): content for name, kind, content in data}
        Manifest(files=tuple(entries))
    except ValueError as error:
        raise StoreError(f"A file cannot be saved: {error}", where="files and extra", fix="give every file its own bare name") from error
    return entries


def _plain(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.name not in _NUMBERS or name == "__metadata__":
        raise StoreError(
            f"Array {name!r} of type {array.dtype} cannot be saved.", where=ARRAYS, fix=f"use one of {', '.join(sorted(_NUMBERS))}"
        )
    return np.asarray(array, order="C")


def _extra(name: str, value: Any) -> bytes:
    if name.endswith(".json"):
        return dump(value, where=name)
    if isinstance(value, bytes):
        return value
    raise StoreError(
        f"{name!r} is a {type(value).__name__}, not bytes.", where="extra", fix="give bytes, or JSON data under a name in .json"
    )


def _check_replaceable(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StoreError("There is a file of this name.", where=str(folder), fix="give the name of a folder")
    if not os.access(folder, os.W_OK):  # putting another in its place would need no such permission
        raise StoreError("The folder is write-protected.", where=str(folder), fix="give another folder, or allow writing to it")
    if not any(folder.iterdir()):
        return
    fix = "give an absent or empty folder, or one that save() wrote"
    try:
        manifest = read_manifest(folder)
    except StoreError as error:
        raise StoreError("The folder is not empty and not a saved model.", where=str(folder), fix=fix) from error
    if others := strangers(folder, manifest):
        raise StoreError(
            f"Saving would remove files that are not part of the earlier save: {', '.join(others[:5])}.",
            where=str(folder),
            fix="move them somewhere else",
        )


def _make_parents(folder: Path) -> None:
    for missing in [parent for parent in (folder, *folder.parents) if not parent.exists()][::-1]:
        files.fs.mkdir(missing)
        files.fsync_dir(missing.parent)


def _write_all(contents: Mapping[Entry, bytes], folder: Path) -> None:
    files.fs.mkdir(folder)
    try:
        for entry, data in contents.items():
            files.write_new(folder / entry.name, data)
        files.write_new(folder / MANIFEST, dump_manifest(Manifest(files=tuple(contents))))
        files.fsync_dir(folder)
    except BaseException:
        discard(folder)
        raise


def _put_in_place(folder: Path) -> None:
    new, old = saving(folder), previous(folder)
    replaces = folder.exists() and any(folder.iterdir())
    try:
        if replaces:
            discard(old)
            files.fs.rename(folder, old)
        files.fs.rename(new, folder)
    except BaseException:
        if not folder.exists() and old.exists():
            files.fs.rename(old, folder)
        discard(new)
        raise
    files.fsync_dir(folder.parent)
    if replaces:
        discard(old)


def _not_saved(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The folder cannot be written: {error}",
        where=str(folder),
        fix="free space or give another folder (a mounted one: a folder inside it); what was saved there before is still whole",
    )
