"""In which order a loader visits the items of a dataset with a length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inc_data.faults import fault, whole_number
from inc_data.protocols import IndexArray
from inc_data.randomness import permutation, uniforms


@runtime_checkable
class Order(Protocol):
    """Every epoch's sequence of item numbers; a range says that they are consecutive, so that arrays can be sliced."""

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return the item numbers of one epoch over ``count`` items; their number is the same in every epoch."""


@dataclass(frozen=True)
class Sequential(Order):
    """0, 1, 2, ... in every epoch."""

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return 0..count-1."""
        return range(count)


@dataclass(frozen=True)
class Shuffled(Order):
    """A permutation that depends on the seed and the epoch."""

    seed: int = 0

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return a permutation of 0..count-1."""
        return permutation(count, self.seed, epoch)


@dataclass(frozen=True)
class Weighted(Order):
    """Draw items by weight, with replacement: rare classes as often as common ones, for example.

    Args:
        weights: one number of at least 0 per item; they need not sum to 1.
        samples: items per epoch, by default as many as there are weights.
        seed: of the draws, with the epoch.
    """

    weights: Sequence[float] | NDArray[Any]
    samples: int | None = None
    seed: int = 0
    _shares: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, np.float64)
        if weights.ndim != 1 or not weights.size or not np.isfinite(weights).all() or weights.min() < 0 or not weights.sum() > 0:
            raise ValueError(
                fault("weights must be numbers of at least 0, one of them above.", where="Weighted", fix="give one weight per item")
            )
        whole_number(self.seed, minimum=0, name="seed", where="Weighted")
        if self.samples is not None:
            whole_number(self.samples, minimum=1, name="samples", where="Weighted")
        object.__setattr__(self, "weights", tuple(weights.tolist()))
        object.__setattr__(self, "_shares", np.cumsum(weights) / weights.sum())

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return the drawn item numbers; ValueError when there are not as many weights as items."""
        if len(self.weights) != count:
            raise ValueError(
                fault(f"There are {len(self.weights)} weights for {count} items.", where="Weighted", fix="give one weight per item")
            )
        drawn = uniforms(self.samples or count, self.seed, epoch)
        # The last share may round below 1: the number stays on the last item that has a weight.
        last = int(np.flatnonzero(self.weights)[-1])
        return np.minimum(np.searchsorted(self._shares, drawn, side="right"), last).astype(np.int64)


@dataclass(frozen=True)
class Distributed(Order):
    """One process's share of every epoch: every ``world``-th item, beginning with ``rank``.

    All shares have the same length. The items that are missing for that are taken from the beginning again, or with ``drop_last`` left out;
    the shares of all ranks are disjoint but for these.

    Args:
        rank: number of this process, from 0.
        world: number of processes.
        order: what is shared out, the same on every process.
        drop_last: leave out what does not divide.
    """

    rank: int
    world: int
    order: Order = field(default_factory=Sequential)
    drop_last: bool = False

    def __post_init__(self) -> None:
        whole_number(self.world, minimum=1, name="world", where="Distributed")
        if whole_number(self.rank, minimum=0, name="rank", where="Distributed") >= self.world:
            raise ValueError(fault(f"rank {self.rank} is none of {self.world}.", where="Distributed", fix="ranks count from 0"))

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return this rank's item numbers."""
        whole = np.asarray(self.order.numbers(count, epoch), np.int64)
        length = len(whole) // self.world if self.drop_last else -(-len(whole) // self.world)
        return np.resize(whole, length * self.world)[self.rank :: self.world] if length else whole[:0]


@dataclass(frozen=True)
class Given(Order):
    """Item numbers that the caller gives: any iterable of integers that can be read again."""

    source: Iterable[int]

    def numbers(self, count: int, epoch: int) -> range | IndexArray:
        """Return the numbers; ValueError for one that is no item's."""
        return checked_numbers(list(self.source), count)


def checked_numbers(numbers: Sequence[int], count: int) -> IndexArray:
    """Return item numbers as an array; ValueError when one is none of ``count`` items."""
    array = np.asarray(numbers)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= count:
        raise ValueError(
            fault("A sampler gives what is no item's number.", where="DataLoader, sampler", fix=f"give integers from 0 to {count - 1}")
        )
    return array.astype(np.int64)


def batches_of(numbers: range | IndexArray, size: int, *, keep_partial: bool) -> Sequence[range | IndexArray]:
    """Cut an epoch's item numbers into batches of ``size``; the last may be smaller when it is kept."""
    end = len(numbers) if keep_partial else len(numbers) - len(numbers) % size
    return [numbers[start : start + size] for start in range(0, end, size)]
