"""Timed rounds: wall and CPU time of a number of calls, and whether the machine was left to us."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs
import numpy as np
from inc_config.errors import EvaluationError
from numpy.typing import NDArray

MIN_CPU_SHARE = 0.95
"""A single-threaded round whose CPU time is a smaller share of its wall time was disturbed, and is thrown away."""

Call = Callable[[], object]


@attrs.frozen(kw_only=True)
class Round:
    """``calls`` consecutive calls: seconds on the wall, seconds of CPU of the whole process."""

    calls: int
    wall_s: float
    cpu_s: float

    @property
    def cpu_share(self) -> float:
        """CPU over wall time: near 1 for an undisturbed single-threaded round."""
        return self.cpu_s / self.wall_s if self.wall_s > 0 else 0.0

    def per_call_s(self, *, on_cpu: bool) -> float:
        """Seconds per call, of CPU or on the wall."""
        return (self.cpu_s if on_cpu else self.wall_s) / self.calls


def timed_round(call: Call, calls: int) -> Round:
    """Time ``calls`` consecutive calls as one round."""
    cpu = time.process_time()
    wall = time.perf_counter()
    for _ in range(calls):
        call()
    return Round(calls=calls, wall_s=time.perf_counter() - wall, cpu_s=time.process_time() - cpu)


def each_call(call: Call, calls: int) -> tuple[Round, NDArray[np.float64]]:
    """Time a round and every call in it: latencies in seconds, shape ``(calls,)``."""
    stamps = np.empty(calls + 1)
    cpu = time.process_time()
    stamps[0] = time.perf_counter()
    for index in range(calls):
        call()
        stamps[index + 1] = time.perf_counter()
    return Round(calls=calls, wall_s=float(stamps[-1] - stamps[0]), cpu_s=time.process_time() - cpu), np.diff(stamps)


def warm_up(call: Call, calls: int, *, name: str = "the model") -> None:
    """Call a few times without timing; an exception here is reported as the model's.

    Raises:
        EvaluationError: the call raised.
    """
    for _ in range(max(calls, 1)):
        try:
            call()
        except Exception as error:
            raise EvaluationError(
                f"{name} could not be run: {type(error).__name__}: {error}",
                where="warm-up of the benchmark",
                fix="run the model once on the same inputs; the message above is the framework's own",
            ) from error


def calls_per_round(call: Call, *, iterations: int, min_round_s: float) -> int:
    """``iterations`` where the user gave them, otherwise as many calls as fill ``min_round_s`` seconds."""
    if iterations:
        return iterations
    calls = 1
    while True:
        wall = timed_round(call, calls).wall_s
        if wall >= min_round_s / 2:  # believed when it happens twice: one trial may have been held up
            wall = min(wall, timed_round(call, calls).wall_s)
        if wall >= min_round_s / 2:
            return max(1, round(calls * min_round_s / wall))
        calls *= 2 if wall <= 0 else min(10, max(2, int(min_round_s / wall)))
