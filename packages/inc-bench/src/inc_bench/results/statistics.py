"""Figures of recorded times: latencies, throughput over the common window with its interval, and when calls became steady."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from inc_bench.instances.driving import Recorded
from inc_bench.results.model import Estimate, Latencies

Times = NDArray[np.float64]

_MIN_PARTS = 3
_BINS = 200


def latencies(seconds: Times) -> Latencies:
    """Summarise latencies, shape ``(n,)`` with n >= 1."""
    median, p90, p99 = np.percentile(seconds, (50, 90, 99))
    return Latencies(
        count=int(seconds.size),
        mean_s=float(seconds.mean()),
        median_s=float(median),
        p90_s=float(p90),
        p99_s=float(p99),
        max_s=float(seconds.max()),
    )


def window(runs: Sequence[Recorded]) -> tuple[float, float]:
    """The time in which all instances ran: from the last first call to the first that had done what was asked, or the asked end.

    Instances go on after they have done their part, so that the window ends with the last ``reached`` when all still run then.
    """
    start = max(float(run.begins[0]) for run in runs)
    return start, min(max(run.reached for run in runs), *(float(run.ends[-1]) for run in runs))


def completed(run: Recorded, moments: Times) -> Times:
    """Calls completed by each moment; of a call under way the share of its time that has passed."""
    if run.arrivals is not None:
        return np.searchsorted(run.ends, moments, side="right").astype(np.float64)
    edges = np.concatenate([run.begins[:1], run.ends])
    return np.interp(moments, edges, np.arange(edges.size, dtype=np.float64))


def throughput(runs: Sequence[Recorded], *, batch_size: int, parts: int, confidence: float) -> Estimate:
    """Samples per second of all instances over their common window, with an interval from equal parts of it (batch means).

    Source:
        Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3: the mean of batch means with Student's t.
    """
    start, end = window(runs)
    span = max(end - start, 1e-9)
    total = sum(float(np.diff(completed(run, np.array([start, end])))[0]) for run in runs)
    parts = min(parts, int(total) // 2)
    value = batch_size * total / span
    if parts < _MIN_PARTS:
        return Estimate(value=value, confidence=confidence)
    edges = np.linspace(start, end, parts + 1)
    rates = batch_size * sum(np.diff(completed(run, edges)) for run in runs) / (span / parts)
    half = student_t((1 + confidence) / 2, parts - 1) * float(np.std(rates, ddof=1)) / np.sqrt(parts)
    return Estimate(value=value, low=max(value - float(half), 0.0), high=value + float(half), confidence=confidence)


def student_t(probability: float, freedom: int) -> float:
    """The quantile of Student's t.

    Exact for one and two degrees of freedom, within 0.3 % from three on at probabilities up to 0.99.

    Source:
        Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5 (expansion around the normal quantile).
    """
    if freedom == 1:
        return float(np.tan(np.pi * (probability - 0.5)))
    if freedom == 2:
        return float((2 * probability - 1) / np.sqrt(2 * probability * (1 - probability)))
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms)))


def steady_after(seconds: Times, ends: Times, start: float) -> float | None:
    """Seconds after ``start`` from which latencies vary around one level; None where that is not before the second half.

    The point is the one that leaves the remaining mean the surest: it minimises the variance of what follows over the squared number of
    what follows. Medians of bins are used, so that a single disturbed call moves nothing.

    Source:
        White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69(6), 1997 (MSER).
    """
    if seconds.size < 2 * _MIN_PARTS:
        return 0.0
    bins = np.array_split(seconds, min(_BINS, seconds.size // 2))
    level = np.array([float(np.median(part)) for part in bins])
    left = np.arange(level.size, 0, -1)
    sums, squares = np.cumsum(level[::-1])[::-1], np.cumsum((level**2)[::-1])[::-1]
    score = (squares - sums**2 / left) / left**2
    # The last tenth is not tried: the spread of a few values is small by chance.
    cut = int(np.argmin(score[: max(1, level.size - max(5, level.size // 10))]))
    if cut >= level.size / 2:
        return None
    calls_before = sum(len(part) for part in bins[:cut])
    return float(ends[calls_before - 1] - start) if calls_before else 0.0


def cpu_seconds(run: Recorded) -> tuple[float, float]:
    """CPU and wall seconds between the first and the last mark."""
    first, last = run.marks[0], run.marks[-1]
    return float(last[1] - first[1]), float(last[0] - first[0])
