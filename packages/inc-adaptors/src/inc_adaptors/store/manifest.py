"""The manifest of a saved folder: what must be in it, byte for byte."""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from inc_config.convert import structure, to_json
from inc_config.errors import ConfigError, StoreError
from inc_config.frozen import thaw

FORMAT = "inc-saved-model"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
ARRAYS = "arrays.safetensors"
DOCUMENT = "document.json"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_ENTRIES = 10_000


class Kind(enum.Enum):
    """What a file of the folder holds."""

    ARRAYS = "arrays"
    DOCUMENT = "document"
    NATIVE = "native"
    EXTRA = "extra"


def _valid_name(_: Any, __: Any, value: str) -> None:
    if not _NAME.fullmatch(value) or value == MANIFEST:
        raise ValueError(f"{value!r} is not a file name for a saved model (letters, digits, '.', '_' and '-', no folders)")


@attrs.frozen(kw_only=True)
class Entry:
    """One file: its bare name, what it holds, its size in bytes and its SHA-256 (hex)."""

    name: str = attrs.field(validator=_valid_name)
    kind: Kind
    size_bytes: int = attrs.field(validator=attrs.validators.ge(0))
    sha256: str = attrs.field(validator=attrs.validators.matches_re(_SHA256))


def _distinct(_: Any, __: Any, value: tuple[Entry, ...]) -> None:
    if len({entry.name.lower() for entry in value}) != len(value) or len(value) > _MAX_ENTRIES:
        raise ValueError("two files have one name, or there are too many")


@attrs.frozen(kw_only=True)
class Manifest:
    """Every file of a saved folder but the manifest itself."""

    files: tuple[Entry, ...] = attrs.field(validator=_distinct)
    format: str = FORMAT
    version: int = FORMAT_VERSION


def entry_of(name: str, kind: Kind, data: bytes) -> Entry:
    """Describe one file.

    Raises:
        ValueError: the name is no bare file name.
    """
    return Entry(name=name, kind=kind, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def dump(document: Any, *, where: str) -> bytes:
    """JSON text of a document.

    Raises:
        StoreError: it holds something that JSON does not (NaN and infinity included).
    """
    try:
        return json.dumps(thaw(document), allow_nan=False, indent=1).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            f"A document is not JSON data: {error}", where=where, fix="keep to dicts, lists, strings and finite numbers"
        ) from error


def parse(data: bytes, *, where: str) -> Any:
    """Read JSON text strictly.

    Raises:
        StoreError: it is not JSON, or nested beyond reason.
    """
    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"Not JSON: {error}", where=where, fix="save the model again") from error


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def dump_manifest(manifest: Manifest) -> bytes:
    """The manifest's text."""
    return to_json(manifest).encode()


def parse_manifest(data: bytes, folder: Path) -> Manifest:
    """Read a manifest.

    Raises:
        StoreError: it is not one of ours, damaged, or of a newer format.
    """
    where = str(folder / MANIFEST)
    document = parse(data, where=where)
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise StoreError("The folder's manifest is not one of a saved model.", where=where, fix="give a folder written by save()")
    version = document.get("version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise StoreError(
            f"The folder was saved in format {version}; this version reads formats up to {FORMAT_VERSION}.",
            where=where,
            fix="pip install --upgrade inc-adaptors",
        )
    try:
        return structure(document, Manifest, source=where)
    except ConfigError as error:
        raise StoreError(f"The manifest is damaged: {error.what}", where=where, fix="save the model again") from error
