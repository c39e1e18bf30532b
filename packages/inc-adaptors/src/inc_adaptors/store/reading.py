"""Read a saved folder, which may come from anyone: every byte is checked before it is used."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from inc_config.errors import StoreError
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from inc_adaptors.roles import SavedModel
from inc_adaptors.store.manifest import ARRAYS, DOCUMENT, MANIFEST, Entry, Kind, Manifest, parse, parse_manifest
from inc_adaptors.store.siblings import recover

_MANIFEST_BYTES = 16 * 2**20
_TOTAL_BYTES = 64 * 2**30


@attrs.frozen(kw_only=True, eq=False)
class Loaded:
    """A saved model and what was saved beside it: parsed for names in ``.json``, bytes for others."""

    model: SavedModel
    extra: Mapping[str, Any]


def load(folder: str | os.PathLike[str], *, max_bytes: int = _TOTAL_BYTES) -> Loaded:
    """Read a folder written by ``save``.

    A save that was killed while it replaced an earlier one is completed or undone first.

    Raises:
        StoreError: no such folder, or it is damaged, incomplete, tampered with, of a newer format or larger than ``max_bytes``.
    """
    path = Path(folder).resolve()
    try:
        recover(path)
        manifest = read_manifest(path)
        contents = _read_files(path, manifest, max_bytes)
    except OSError as error:
        raise StoreError(f"The saved folder cannot be read: {error}", where=str(path), fix="check the path and its permissions") from error
    return Loaded(model=_model(path, manifest, contents), extra=_extra(path, manifest, contents))


def read_manifest(folder: Path) -> Manifest:
    """The folder's manifest.

    Raises:
        StoreError: there is none, or it is damaged.
        OSError: it cannot be read.
    """
    if not folder.is_dir():
        raise StoreError("No such folder.", where=str(folder), fix="check the path; it is the folder that was given to save()")
    try:
        data = _read(folder / MANIFEST, at_most=_MANIFEST_BYTES)
    except FileNotFoundError as error:
        raise StoreError(f"The folder has no {MANIFEST}.", where=str(folder), fix="give a folder written by save()") from error
    return parse_manifest(data, folder)


def strangers(folder: Path, manifest: Manifest) -> list[str]:
    """Names in the folder that the manifest does not list."""
    return sorted({name.name for name in folder.iterdir()} - {entry.name for entry in manifest.files} - {MANIFEST})


def _read_files(folder: Path, manifest: Manifest, max_bytes: int) -> dict[str, bytes]:
    total = sum(entry.size_bytes for entry in manifest.files)
    if total > max_bytes:
        raise StoreError(f"The saved model claims {total} bytes.", where=str(folder), fix=f"pass max_bytes to allow more than {max_bytes}")
    if extra := strangers(folder, manifest):
        raise StoreError(
            f"The folder holds files that were not saved: {', '.join(extra[:5])}.", where=str(folder), fix="move them somewhere else"
        )
    return {entry.name: _read_entry(folder, entry) for entry in manifest.files}


def _read_entry(folder: Path, entry: Entry) -> bytes:
    path = folder / entry.name
    try:
        data = _read(path, at_most=entry.size_bytes)
    except FileNotFoundError as error:
        raise StoreError(
            f"The file {entry.name!r} is missing.", where=str(folder), fix="copy the whole folder again, or save again"
        ) from error
    if len(data) != entry.size_bytes or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise StoreError(
            f"The file {entry.name!r} is not the one that was saved (its SHA-256 differs).",
            where=str(path),
            fix="copy the folder again from where it was saved, or save again; do not use it if it came from someone else",
        )
    return data


def _read(path: Path, *, at_most: int) -> bytes:
    """Read a regular file of at most that many bytes, never through a link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _not_plain(path) from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _not_plain(path)
        if found.st_size > at_most:
            raise StoreError(
                f"The file {path.name!r} has {found.st_size} bytes instead of {at_most} at most.",
                where=str(path),
                fix="copy the folder again from where it was saved, or save again",
            )
        return file.read(at_most)


def _not_plain(path: Path) -> StoreError:
    return StoreError(f"{path.name!r} is a link or a device, not a file.", where=str(path), fix="replace it by the file that was saved")


def _model(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> SavedModel:
    if {(entry.name, entry.kind) for entry in manifest.files if entry.kind in (Kind.ARRAYS, Kind.DOCUMENT)} != {
        (ARRAYS, Kind.ARRAYS),
        (DOCUMENT, Kind.DOCUMENT),
    }:
        raise StoreError(f"The manifest does not list {ARRAYS} and {DOCUMENT}.", where=str(folder / MANIFEST), fix="save the model again")
    document = parse(contents[DOCUMENT], where=str(folder / DOCUMENT))
    if not isinstance(document, dict):
        raise StoreError("The document is not a JSON object.", where=str(folder / DOCUMENT), fix="save the model again")
    native = {entry.name: contents[entry.name] for entry in manifest.files if entry.kind is Kind.NATIVE}
    return SavedModel(arrays=_arrays(contents[ARRAYS], folder), document=document, files=native)


def _arrays(data: bytes, folder: Path) -> dict[str, NDArray[Any]]:
    try:
        return load_arrays(data)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise StoreError(f"The arrays are damaged: {error}", where=str(folder / ARRAYS), fix="save the model again") from error


def _extra(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> dict[str, Any]:
    names = [entry.name for entry in manifest.files if entry.kind is Kind.EXTRA]
    return {name: parse(contents[name], where=str(folder / name)) if name.endswith(".json") else contents[name] for name in names}
