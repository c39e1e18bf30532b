"""Samples per second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar, Self

from inc_metrics.arrays import as_array
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import real_number, whole_number
from inc_metrics.state import check_mergeable, no_data


class Throughput:
    """Samples per second of wall time, as a loop sees it: data loading, inference and other metrics' updates included.

    The clock starts when the metric is made or reset, or at the end of the last batch left out as warm-up. For a claim about
    a model's speed use a benchmark: this is what an evaluation run happened to reach.

    Args:
        warmup: first batches that count neither as samples nor as time.
        clock: function that returns seconds.
    """

    name: ClassVar[str] = "throughput"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, warmup: int = 0, clock: Callable[[], float] = time.perf_counter) -> None:
        self._warmup = whole_number(warmup, where="Throughput(warmup)", least=0)
        if not callable(clock):
            raise MetricTypeError(f"The clock is a {type(clock).__name__}", "Throughput(clock)", "give a function that returns seconds")
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in and start the clock."""
        self._skip = self._warmup
        self._samples = 0
        self._elapsed_s = 0.0
        self._start_s = self._clock()

    def update(self, predictions: Any, targets: Any) -> None:
        """Count one batch; the targets tell its size.

        Raises:
            MetricValueError: an empty batch.
            MetricTypeError: targets without a length that are no number.
        """
        samples = len(targets) if hasattr(targets, "__len__") and getattr(targets, "shape", None) != () else _one(targets)
        if not samples:
            raise MetricValueError("The batch is empty", "Throughput.update", "leave out empty batches")
        if self._skip:
            self._skip -= 1
            self._start_s = self._clock()
            return
        self._samples += samples
        self._elapsed_s = self._clock() - self._start_s

    def result(self) -> float:
        """Return samples per second from the start to the last batch.

        Raises:
            MetricValueError: nothing was counted, or the clock did not move.
        """
        if not self._samples:
            raise no_data(self, "result")
        if self._elapsed_s <= 0.0:
            raise MetricValueError("No time has passed", "Throughput.result", "evaluate more samples, or use a finer clock")
        return self._samples / self._elapsed_s

    def merge(self, other: Self, /) -> None:
        """Add the samples of a worker that ran at the same time: the longer of both times counts.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: another warm-up.
        """
        check_mergeable(self, other)
        self._samples += other._samples
        self._elapsed_s = max(self._elapsed_s, other._elapsed_s)

    def _options(self) -> dict[str, object]:
        return {"warmup": self._warmup}


def throughput(samples: int, elapsed_s: float) -> float:
    """Return samples per second of one run that was timed already.

    Args:
        samples: how many, at least 1.
        elapsed_s: seconds that they took, above 0.

    Raises:
        MetricTypeError: no numbers.
        MetricValueError: no sample, or no time.
    """
    fix = "give the seconds that the run took, above 0"
    seconds = real_number(elapsed_s, where="throughput(elapsed_s)", fix=fix)
    if seconds <= 0.0:
        raise MetricValueError(f"elapsed_s is {elapsed_s}", "throughput(elapsed_s)", fix)
    return whole_number(samples, where="throughput(samples)", least=1) / seconds


def _one(targets: Any) -> int:
    return as_array(targets, where="Throughput.update(targets)").size
