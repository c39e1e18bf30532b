"""Names for data: SHA-256 over content, equal for equal data on any machine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as pillow

from inc_data.faults import fault
from inc_data.images import as_array
from inc_data.protocols import Array, Fingerprinted, IndexArray
from inc_data.randomness import reading_sample
from inc_data.reading import length_of

ROWS_PER_BLOCK = 256
"""Rows copied at once while hashing, so that memory does not grow with the data."""


class Digest:
    """SHA-256 over a sequence of parts; each part's length is hashed too, so that parts cannot run into each other."""

    def __init__(self, *header: str) -> None:
        self._sha = hashlib.sha256()
        for part in header:
            self.add_text(part)

    def add_text(self, text: str) -> None:
        """Add text as UTF-8."""
        self._add(text.encode("utf-8", "surrogateescape"))

    def add_array(self, array: Array) -> None:
        """Add the elements of an array in C order, without its shape and dtype."""
        # Viewed as bytes first: text and dates have no buffer of their own.
        self._add(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.nbytes else b"")

    def add_bytes(self, content: bytes) -> None:
        """Add bytes as they are."""
        self._add(content)

    def add_file(self, path: Path) -> None:
        """Add the content of a file."""
        with path.open("rb") as file:
            self._add(hashlib.file_digest(file, "sha256").digest())

    def add_item(self, part: Any) -> None:
        """Add an item: arrays, pillow images, numbers, text, and tuples, lists and dicts of these; TypeError for anything else."""
        if isinstance(part, Mapping):
            self.add_text(json.dumps(sorted(map(str, part))))
            for key in sorted(part, key=str):
                self.add_item(part[key])
        elif isinstance(part, tuple | list):
            self.add_text(f"{len(part)} parts")
            for value in part:
                self.add_item(value)
        elif part is None or isinstance(part, str | bytes):
            self.add_text(repr(part))
        else:
            array = as_array(part) if isinstance(part, pillow.Image) else np.asarray(part)
            if array.dtype.hasobject:
                raise TypeError(
                    fault(
                        f"{type(part).__name__} has no content that can be hashed.",
                        where="an item of the dataset",
                        fix="return arrays, numbers, text, or tuples and dicts of these",
                    )
                )
            self.add_text(f"{array.dtype.str} {array.shape}")
            self.add_array(array)

    def hexdigest(self) -> str:
        """Return the digest of what was added so far."""
        return self._sha.hexdigest()

    def _add(self, content: bytes | memoryview) -> None:
        self._sha.update(len(content).to_bytes(8, "little"))
        self._sha.update(content)


def fingerprint(dataset: Any) -> str:
    """Return a SHA-256 over what a dataset holds: the tuning ledger stores it to know data again.

    A dataset that offers ``digest`` names its own content (arrays: rows; image folders: names and bytes of the files); of any
    other every item is read and hashed.

    Raises:
        TypeError: the items cannot be found by number, or hold something other than arrays, numbers and text.
    """
    return digest_of(dataset, np.arange(length_of(dataset), dtype=np.int64))


def digest_of(dataset: Any, indices: IndexArray) -> str:
    """Return the digest of the items at ``indices``, in that order."""
    if isinstance(dataset, Fingerprinted):
        return dataset.digest(indices)
    digest = Digest("items")
    for index in indices.tolist():
        with reading_sample(0, 0, index):
            digest.add_item(dataset[index])
    return digest.hexdigest()


def describe(transform: Any) -> str:
    """Describe a transform in words that do not change from run to run: dataclasses by value, other callables by their qualified name.

    Arguments that end in ``_file`` name files, as in recipes: their content counts, not their path.
    """
    if isinstance(transform, tuple | list):
        if len(transform) == 2 and isinstance(transform[0], str):
            return f"[{transform[0]!r}, {_described(transform[0], transform[1])}]"
        return f"[{', '.join(map(describe, transform))}]"
    if is_dataclass(transform):
        values = [f"{each.name}={_described(each.name, getattr(transform, each.name))}" for each in fields(transform) if each.compare]
        return f"{type(transform).__name__}({', '.join(values)})"
    if not callable(transform):
        return repr(transform)
    named = transform if hasattr(transform, "__qualname__") else type(transform)
    return f"{named.__module__}.{getattr(named, '__qualname__', '')}"


def _described(name: str, value: Any) -> str:
    if name.endswith("_file") and isinstance(value, str | os.PathLike) and Path(value).is_file():
        with Path(value).open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return describe(value)
