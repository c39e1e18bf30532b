"""In which order a loader visits the items of a dataset with a length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inc_data.protocols import IndexArray
from inc_data.randomness import permutation


class Order(Protocol):
    """Every epoch's sequence of item numbers; a range says that they are consecutive, so that arrays can be sliced."""

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return the item numbers of one epoch over ``count`` items."""


@dataclass(frozen=True)
class Sequential(Order):
    """0, 1, 2, ... in every epoch."""

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return 0..count-1."""
        return range(count)


@dataclass(frozen=True)
class Shuffled(Order):
    """A permutation that depends on the seed and the epoch."""

    seed: int

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return a permutation of 0..count-1."""
        return permutation(count, self.seed, epoch)


def batches_of(numbers: range | IndexArray, size: int, *, keep_partial: bool) -> Sequence[range | IndexArray]:
    """Cut an epoch's item numbers into batches of ``size``; the last may be smaller when it is kept."""
    end = len(numbers) if keep_partial else len(numbers) - len(numbers) % size
    return [numbers[start : start + size] for start in range(0, end, size)]
