"""Fingerprints of data: equal for equal samples in equal order, whatever the batch size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from inc_adaptors.batches.structure import leaves, to_numpy


class Fingerprint:
    """A running SHA-256 over the content of batches, one stream per array of the batch's structure."""

    def __init__(self) -> None:
        self._streams: dict[str, Any] = {}
        self._kinds: dict[str, str] = {}

    def update(self, batch: Any) -> None:
        """Take in one batch (any structure of arrays and numbers)."""
        for path, leaf in leaves(batch):
            array = to_numpy(leaf)
            stream = self._streams.setdefault(path, hashlib.sha256())
            kind = f"{array.dtype.str}{array.shape[1:]}"
            if self._kinds.get(path) != kind:
                # A change of sample shape ends a run of samples; without this, (2, 6) and (2, 2, 3) would be equal.
                self._kinds[path] = kind
                stream.update(f"|{kind}|".encode())
            stream.update(np.ascontiguousarray(array).data)

    def hexdigest(self) -> str:
        """The fingerprint of everything so far."""
        whole = hashlib.sha256()
        for path in sorted(self._streams):
            whole.update(f"{path}={self._streams[path].hexdigest()};".encode())
        return whole.hexdigest()


def fingerprint(batches: Iterable[Any]) -> str:
    """SHA-256 (hex) over the content of batches, in one pass and constant memory."""
    running = Fingerprint()
    for batch in batches:
        running.update(batch)
    return running.hexdigest()
