"""Ratio of a pass over data to pure inference of the same data, in pairs of blocks, by CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from inc_bench.intervals import ratio_interval
from inc_bench.timing import MIN_CPU_SHARE
from numpy.typing import NDArray

FEWEST_PAIRS = 6  # below, no 95 % interval exists

Seconds = tuple[float, float]  # CPU and wall


@attrs.frozen(kw_only=True)
class Ratio:
    """Hodges-Lehmann estimate with its 95 % interval; not ``quiet`` where too few blocks were undisturbed, and all count."""

    value: float
    low: float
    high: float
    pairs: int
    quiet: bool

    def verdict(self, bound: float) -> str:
        """Whether it stays below a bound."""
        if not self.quiet:
            return f"{'holds' if self.high <= bound else 'missed' if self.low > bound else 'open'}, noisy machine: inconclusive"
        return "holds" if self.high <= bound else "missed" if self.low > bound else "inconclusive"

    def __str__(self) -> str:
        return f"{self.value:.2f}x [{self.low:.2f}, {self.high:.2f}]"


class Interleaved:
    """Data handed out in blocks, each inferred first; ``pairs`` holds CPU and wall seconds of inference and of what follows, per block."""

    def __init__(self, run: Callable[[Any], object], feeds: Sequence[Any], block: int) -> None:
        self._run = run
        self._feeds = feeds
        self._block = block
        self.pairs: list[tuple[Seconds, Seconds]] = []

    def __iter__(self) -> Iterator[Any]:
        for first in range(0, len(self._feeds), self._block):
            block = self._feeds[first : first + self._block]
            start = now()
            for feed in block:
                self._run(feed)
            middle = now()
            yield from block
            self.pairs.append((since(start, middle), since(middle, now())))


def against_inference(
    work: Callable[[Interleaved], object], run: Callable[[Any], object], feeds: Sequence[Any], *, block: int, passes: int
) -> Ratio:
    """CPU time of ``work``, which reads its stream once, over inference; what it spends beside the data is spread over blocks."""
    run(feeds[0])
    ratios: list[float] = []
    undisturbed: list[bool] = []
    for _ in range(passes):
        stream = Interleaved(run, feeds, block)
        start = time.process_time()
        work(stream)
        total = time.process_time() - start
        times = np.array(stream.pairs)
        beside = (total - times[:, :, 0].sum()) / len(times)
        undisturbed += ((times[:, :, 0] / times[:, :, 1]).min(axis=1) >= MIN_CPU_SHARE).tolist()
        ratios += ((times[:, 1, 0] + beside) / times[:, 0, 0]).tolist()
    return summarized(np.array(ratios), np.array(undisturbed))


def summarized(ratios: NDArray[np.float64], undisturbed: NDArray[np.bool_]) -> Ratio:
    """The typical ratio of the undisturbed pairs; of all, and not quiet, where these are too few."""
    quiet = int(undisturbed.sum()) >= FEWEST_PAIRS
    kept = ratios[undisturbed] if quiet else ratios
    value, low, high = ratio_interval(kept, confidence=0.95)
    return Ratio(value=value, low=low, high=high, pairs=len(kept), quiet=quiet)


def now() -> Seconds:
    """CPU and wall clock."""
    return time.process_time(), time.perf_counter()


def since(start: Seconds, end: Seconds) -> Seconds:
    """CPU and wall seconds between two moments."""
    return end[0] - start[0], end[1] - start[1]
