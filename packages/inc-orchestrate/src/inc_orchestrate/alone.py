"""Noise of each operator alone on integers, each over a share of the samples of its own.

Where an emitter isolates operators, a sample costs one run of the float model and, for each operator that it goes to, what follows that
operator. So samples are dealt out: neighbours in the order of execution get overlapping runs of them, and each serves about two operators.
The noise is compared with the signal of all samples, not of the operator's own: a sample's noise varies less than the share it has of that
sample's signal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from inc_adaptors.batches import batch_size, bind
from inc_adaptors.handle import Signature
from inc_adaptors.roles import FloatRun, Isolation
from inc_config.plan import OpId
from numpy.typing import NDArray

NO_MORE_NOISE = 1e30
"""Stands for outputs that are not finite, which no other error exceeds."""

FEWEST, MOST = 2, 8
"""Samples per operator. Two of 100 rank operators of trained networks almost as all do (6 to 26 operators: Spearman 0.87 to 0.97), eight
better (0.95 to 0.98)."""

_SERVED = 2
"""Operators that a sample goes to, where there are enough samples."""

_LEAST_RUNS = 128
"""Of operators alone, whatever the number of samples: with few operators each gets more of them, for little time."""


class Alone:
    """Deals samples out to operators and adds up what each makes of its own.

    Args:
        isolation: runs the float model and operators alone.
        samples: batches, each run as a whole; see ``singly``.
        ops: operators, those that ``isolation`` does not have too.
    """

    def __init__(self, isolation: Isolation, samples: Sequence[Any], ops: Sequence[OpId]) -> None:
        self._isolation = isolation
        self._samples = samples
        self._ops = ops
        able = frozenset(isolation.ops)
        active = [op for op in ops if op in able]
        self._shares = dict(zip(active, shares(len(active), len(samples)), strict=True))
        self._runs: dict[int, FloatRun] = {}
        self._signals: dict[int, float] = {}

    def noises(self) -> Iterator[tuple[OpId, float]]:
        """Mean noise power per run of each operator; 0 where it computes on codes only beside another operator that does."""
        for op in self._ops:
            yield op, self._noise(op, self._shares[op]) if op in self._shares else 0.0

    def score(self, noise: float) -> float:
        """Noise as a share of the mean signal power per run."""
        signal = sum(self._signals.values()) / max(1, len(self._signals))
        return share(noise, signal)

    def _noise(self, op: OpId, own: range) -> float:
        for place in [place for place in self._runs if place < own.start]:
            del self._runs[place]
        alone = self._isolation.alone(op)
        return float(np.mean([difference(alone(run), run.outputs) for run in map(self._run, own)]))

    def _run(self, place: int) -> FloatRun:
        if place not in self._runs:
            readers = [op for op, own in self._shares.items() if place in own]
            run = self._isolation.floats(self._samples[place], readers)
            self._signals[place] = power(run.outputs)
            self._runs[place] = run
        return self._runs[place]


def shares(ops: int, samples: int) -> list[range]:
    """Places of samples for each operator, both ends never going back from one operator to the next."""
    runs = max(_LEAST_RUNS, _SERVED * samples)
    size = min(samples, max(FEWEST, min(MOST, runs // max(1, ops))))
    used = min(samples, ops * size)
    starts = (place * (used - size) // max(1, ops - 1) for place in range(ops))
    return [range(start, start + size) for start in starts]


def singly(batches: Sequence[Any], signature: Signature) -> list[Any]:
    """Batches of one sample each where the model takes them, else the batches."""
    if not signature.inputs or not all(spec.shape and spec.shape[0] is None for spec in (*signature.inputs, *signature.outputs)):
        return list(batches)
    return [sample for batch in batches for sample in _cut(batch, signature)]


def _cut(batch: Any, signature: Signature) -> list[Any]:
    arrays = bind(batch, signature)
    size = batch_size(batch)
    if any(array.shape[0] != size for array in arrays.values()):
        return [batch]
    return [{name: array[place : place + 1] for name, array in arrays.items()} for place in range(size)]


def power(arrays: Sequence[NDArray[Any]]) -> float:
    """Sum of squares over all arrays."""
    return sum(float(np.square(array.astype(np.float64)).sum()) for array in arrays)


def difference(made: Sequence[NDArray[Any]], wanted: Sequence[NDArray[Any]]) -> float:
    """Power of the difference; 1e30 where it is not finite."""
    noise = power([np.asarray(each, np.float64) - other for each, other in zip(made, wanted, strict=True)])
    return noise if math.isfinite(noise) else NO_MORE_NOISE


def share(noise: float, signal: float) -> float:
    """Noise over signal, at most 1e30."""
    if noise >= NO_MORE_NOISE or signal <= 0.0:
        return NO_MORE_NOISE if noise > 0.0 else 0.0
    return min(noise / signal, NO_MORE_NOISE)
