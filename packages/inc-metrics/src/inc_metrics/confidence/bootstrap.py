"""Differences over resamples: the same units drawn with replacement for both models."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.errors import MetricValueError
from inc_metrics.sample_mean import SampleMean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from inc_metrics.protocols import Resamplable

_FEWEST = 10  # below, resamples have too few distinct outcomes to tell a tail from the middle
_MOST_UNDEFINED = 0.1


def means_differences(
    baseline: NDArray[np.float64],
    candidate: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    metrics: tuple[Any, Any],
    resamples: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return candidate minus baseline over each resample, for metrics whose result follows from a weighted mean over samples.

    Args:
        baseline: value of each sample, shape ``(N,)``.
        candidate: of the same samples.
        weights: elements behind each value.
        metrics: turn a mean into their result.
        resamples: how many.
        seed: of the draws.
    """
    columns = np.stack([baseline * weights, candidate * weights, weights], axis=1)
    sums = np.array([np.bincount(drawn, minlength=len(weights)) @ columns for drawn in draws(len(weights), resamples, seed)])
    means = sums[:, :2] / sums[:, 2:]
    results = [_results(metric, means[:, side]) for side, metric in enumerate(metrics)]
    return np.asarray(results[1] - results[0])


def resampled_differences(baseline: Resamplable, candidate: Resamplable, *, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return candidate minus baseline over each resample; those for which a metric is not defined are left out.

    Raises:
        MetricValueError: that is more than one in ten.
    """
    found: list[float] = []
    undefined: MetricValueError | None = None
    for drawn in draws(baseline.units(), resamples, seed):
        try:
            found.append(candidate.resampled(drawn) - baseline.resampled(drawn))
        except MetricValueError as error:
            undefined = error
    if undefined is not None and len(found) < (1.0 - _MOST_UNDEFINED) * resamples:
        what = f"{resamples - len(found)} of {resamples} resamples have no result: {undefined.what}"
        raise MetricValueError(what, "compare", "evaluate more samples") from undefined
    return np.array(found)


def draws(units: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield indices of resamples, each of shape ``(units,)``.

    Raises:
        MetricValueError: fewer than 10 units.
    """
    if units < _FEWEST:
        raise MetricValueError(f"{units} samples are too few to resample", "compare", f"evaluate {_FEWEST} or more")
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield rng.integers(0, units, units)


def percentile_interval(drawn: NDArray[np.float64], *, units: int, confidence: float) -> tuple[float, float]:
    """Return the interval between two quantiles of the resampled differences, widened for the smallness of the sample.

    Source:
        Hesterberg, "What teachers should know about the bootstrap", 2014, arXiv:1411.5279: the expanded percentile interval.
    """
    reach = math.sqrt(units / (units - 1)) * student_t_quantile((1.0 + confidence) / 2.0, units - 1)
    tail = NormalDist().cdf(-reach)
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return float(low), float(high)


def two_sided_p_value(drawn: NDArray[np.float64]) -> float:
    """Return twice the smaller share of resamples on one side of 0, never less than the resamples can tell."""
    smaller = min(np.count_nonzero(drawn <= 0.0), np.count_nonzero(drawn >= 0.0))
    return min(1.0, 2.0 * (1 + int(smaller)) / (1 + len(drawn)))


def student_t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t, to 0.1 % from 9 degrees of freedom and a probability of 0.995 inwards.

    Source:
        Abramowitz and Stegun, 26.7.5 (Cornish-Fisher expansion).
    """
    z = NormalDist().inv_cdf(probability)
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    third = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _results(metric: Any, means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([metric._from_mean(mean) for mean in means.tolist()]) if isinstance(metric, SampleMean) else means
