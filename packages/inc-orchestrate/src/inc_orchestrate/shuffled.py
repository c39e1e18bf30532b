"""Evaluation data held in memory in random order, so that a beginning of it is a fair sample of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import attrs
import numpy as np
from inc_adaptors.batches import batch_size, leaves, to_numpy
from inc_config.errors import DataError
from numpy.typing import NDArray

MEMORY_LIMIT = 512 * 2**20
"""Bytes; larger data are evaluated as a whole."""

Pair = tuple[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Shuffled:
    """``inputs`` and ``targets`` of all samples, permuted by ``order`` (position to place in the user's own order, shape ``(N,)``)."""

    inputs: Any
    targets: Any
    order: NDArray[np.int64]
    size: int

    def __iter__(self) -> Iterator[Pair]:
        """Batches as large as the user's first one."""
        for start in range(0, len(self.order), self.size):
            cut = itemgetter(slice(start, start + self.size))
            yield _each(self.inputs, cut), _each(self.targets, cut)


class Collector:
    """Takes in batches as they are evaluated; gives up on what cannot be permuted or is too large."""

    def __init__(self, *, limit: int = MEMORY_LIMIT) -> None:
        self._left = limit
        self._pairs: list[Pair] | None = []

    def add(self, inputs: Any, targets: Any) -> None:
        """Keep one batch."""
        if self._pairs is None:
            return
        try:
            pair = _each(inputs, to_numpy), _each(targets, to_numpy)
            size = batch_size(inputs)
        except (DataError, TypeError, ValueError):
            self._pairs = None
            return
        arrays = [leaf for _, leaf in leaves(pair)]
        self._left -= sum(array.nbytes for array in arrays)
        fits = self._left >= 0 and all(array.ndim > 0 and len(array) == size and array.dtype.kind in "biuf" for array in arrays)
        self._pairs = [*self._pairs, pair] if fits else None

    def shuffled(self, seed: int) -> Shuffled | None:
        """All of it in random order; None where that cannot be had."""
        if not self._pairs:
            return None
        size = batch_size(self._pairs[0][0])
        order = np.random.default_rng(seed).permutation(sum(batch_size(inputs) for inputs, _ in self._pairs))
        try:
            inputs, targets = (_joined([pair[side] for pair in self._pairs]) for side in (0, 1))
        except (ValueError, TypeError, KeyError):
            return None  # samples of several shapes
        return Shuffled(inputs=_each(inputs, itemgetter(order)), targets=_each(targets, itemgetter(order)), order=order, size=size)


def _each(value: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _each(item, function) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(_each(item, function) for item in value)
    return function(value)


def _joined(parts: Sequence[Any]) -> Any:
    first = parts[0]
    if isinstance(first, dict):
        return {key: _joined([part[key] for part in parts]) for key in first}
    if isinstance(first, tuple):
        return tuple(_joined([part[place] for part in parts]) for place in range(len(first)))
    return np.concatenate(parts)
