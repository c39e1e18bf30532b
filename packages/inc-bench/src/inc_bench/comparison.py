"""Two models timed side by side: paired, interleaved rounds and the ratio with its interval."""

from __future__ import annotations

import enum
from collections.abc import Callable

import attrs
import numpy as np
from inc_config.benchmark import BenchmarkConfig

from inc_bench.intervals import ratio_interval
from inc_bench.timing import MIN_CPU_SHARE, Call, calls_per_round, timed_round, warm_up

MAX_EXTRA_ROUNDS = 3
"""A disturbed round is repeated, until this many times the asked rounds have been run."""


class Verdict(enum.Enum):
    """Whether the candidate is faster, slower, or the interval leaves it open."""

    FASTER = "faster"
    SLOWER = "slower"
    INCONCLUSIVE = "inconclusive"


@attrs.frozen(kw_only=True)
class Comparison:
    """How many times faster the candidate is: baseline time over candidate time, per paired round.

    ``on_cpu`` tells whether CPU time was compared (single-threaded) or wall time; ``dropped`` counts disturbed rounds, which were thrown
    away.
    """

    ratio: float
    low: float
    high: float
    baseline_s: float
    candidate_s: float
    rounds: int
    dropped: int
    on_cpu: bool
    confidence: float
    noisy: bool = False

    @property
    def verdict(self) -> Verdict:
        """Faster or slower only when the whole interval says so, and enough undisturbed rounds were had."""
        if self.noisy or self.low <= 1.0 <= self.high:
            return Verdict.INCONCLUSIVE
        return Verdict.FASTER if self.low > 1.0 else Verdict.SLOWER

    def holds(self, *, at_least: float) -> bool:
        """Whether the whole interval lies at or above a bound."""
        return not self.noisy and self.low >= at_least

    def __str__(self) -> str:
        note = " (noisy machine)" if self.noisy else ""
        return f"{self.ratio:.2f}x [{self.low:.2f}, {self.high:.2f}]{note}"


def compare(baseline: Call, candidate: Call, config: BenchmarkConfig | None = None) -> Comparison:
    """Time two calls in interleaved pairs and give baseline time over candidate time.

    Each pair runs both calls right after each other, in alternating order, so that what drifts hits both. With one thread CPU time is
    judged and a pair with a round below 0.95 CPU/wall is repeated.

    Raises:
        EvaluationError: a call raised.
    """
    config = config or BenchmarkConfig()
    calls = []
    for call, name in ((baseline, "the baseline"), (candidate, "the candidate")):
        warm_up(call, config.warmup, name=name)
        calls.append(calls_per_round(call, iterations=config.iterations, min_round_s=config.min_round_s))
    on_cpu = config.threads == 1

    def take(which: int) -> tuple[float, float]:
        taken = timed_round((baseline, candidate)[which], calls[which])
        return taken.per_call_s(on_cpu=on_cpu), taken.cpu_share

    return paired(take, rounds=config.rounds, on_cpu=on_cpu, confidence=config.confidence)


def paired(take: Callable[[int], tuple[float, float]], *, rounds: int, on_cpu: bool, confidence: float) -> Comparison:
    """Take rounds of the baseline (0) and the candidate (1) in alternating order until enough undisturbed pairs are had.

    Args:
        take: runs one round of either and gives seconds per call and the share of CPU in wall time.
        rounds: undisturbed pairs wanted; disturbed ones are repeated, up to three times as many in all.
        on_cpu: whether the seconds are of CPU; only then a low share disturbs.
        confidence: level of the interval.
    """
    kept: list[tuple[float, float]] = []
    disturbed: list[tuple[float, float]] = []
    for turn in range(rounds * MAX_EXTRA_ROUNDS):
        if len(kept) == rounds:
            break
        taken = {which: take(which) for which in ((0, 1) if turn % 2 == 0 else (1, 0))}
        undisturbed = not on_cpu or min(share for _, share in taken.values()) >= MIN_CPU_SHARE
        (kept if undisturbed else disturbed).append((taken[0][0], taken[1][0]))
    noisy = len(kept) < max(3, rounds // 2)
    times = np.array(kept + disturbed if noisy else kept)
    ratio, low, high = ratio_interval(times[:, 0] / times[:, 1], confidence=confidence)
    middle = np.median(times, axis=0)
    return Comparison(
        ratio=ratio,
        low=low,
        high=high,
        baseline_s=float(middle[0]),
        candidate_s=float(middle[1]),
        rounds=len(times),
        dropped=len(disturbed),
        on_cpu=on_cpu,
        confidence=confidence,
        noisy=noisy,
    )
