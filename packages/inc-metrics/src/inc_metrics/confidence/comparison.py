"""The paired difference of two models, with its interval."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from inc_metrics.confidence.bootstrap import means_differences, percentile_interval, resampled_differences, two_sided_p_value
from inc_metrics.confidence.mcnemar import mcnemar_interval, mcnemar_p_value
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import real_number, whole_number
from inc_metrics.protocols import Metric, Resamplable, SampleWise
from inc_metrics.state import check_same_options

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Method(StrEnum):
    """Where interval and p-value come from."""

    MCNEMAR = "McNemar"
    BOOTSTRAP = "paired bootstrap"


class PairedComparison(NamedTuple):
    """Both values, their difference (candidate minus baseline), and how sure it is.

    ``low`` and ``high`` bound the difference with the given ``confidence``; ``p_value`` is that of no difference, two-sided.
    """

    metric: str
    baseline: float
    candidate: float
    difference: float
    low: float
    high: float
    confidence: float
    p_value: float
    units: int
    method: Method

    def __str__(self) -> str:
        return (
            f"{self.metric} {self.baseline:.6g} -> {self.candidate:.6g}: {self.difference:+.4g}, "
            f"{self.confidence:.0%} CI [{self.low:+.4g}, {self.high:+.4g}], p = {self.p_value:.2g} ({self.method}, {self.units} units)"
        )


def compare(baseline: Metric, candidate: Metric, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0) -> PairedComparison:
    """Return the difference of two metrics that have seen two models' outputs for the same samples in the same order.

    Where every sample is right or wrong: McNemar's exact test with the interval of Agresti and Min. Otherwise a paired
    bootstrap over samples, or over the units of a corpus metric (images, sentences).

    Args:
        baseline: made with ``keep_samples=True`` where the metric has it.
        candidate: of the same kind.
        confidence: of the interval.
        resamples: of the bootstrap; more narrow its own scatter.
        seed: of the bootstrap.

    Raises:
        MetricTypeError: two kinds of metric, or one without values per sample or resampling.
        MetricValueError: unequal options or numbers of samples, nothing kept, too few samples to resample, or an option without sense.
    """
    _check_options(confidence, resamples, seed)
    for metric in (baseline, candidate):
        if not isinstance(metric, Metric):
            raise MetricTypeError(
                f"A {type(metric).__name__} is no metric", "compare", "give two metrics that have seen the data, or as_metric(...)"
            )
    if type(baseline) is not type(candidate) or baseline.name != candidate.name:
        what = f"A {type(candidate).__name__} cannot be compared with a {type(baseline).__name__}"
        raise MetricTypeError(what, "compare", "evaluate both models with one kind of metric")
    if hasattr(baseline, "_options"):
        check_same_options(baseline, candidate, where="compare")  # type: ignore[arg-type]  # one kind, and hasattr has looked
    values = baseline.result(), candidate.result()
    before, after = _samples(baseline), _samples(candidate)
    if before is not None and after is not None:
        _check_units(len(before), len(after))
        weights = _weights(baseline, candidate, len(before))
        right = float(getattr(baseline, "right", 1.0))
        if _right_or_wrong(before / right, after / right) and (weights == weights[0]).all() and np.isclose(before.mean(), values[0]):
            return _by_mcnemar(baseline.name, values, after - before, confidence, right)
        drawn = means_differences(before, after, weights, metrics=(baseline, candidate), resamples=resamples, seed=seed)
        return _by_bootstrap(baseline.name, values, drawn, len(before), confidence)
    if not (isinstance(baseline, Resamplable) and isinstance(candidate, Resamplable)):
        fix = "make it with keep_samples=True, or give it units() and resampled(indices)"
        raise MetricTypeError(f"A {type(baseline).__name__} has neither values per sample nor resampling", "compare", fix)
    units = baseline.units()
    _check_units(units, candidate.units())
    drawn = resampled_differences(baseline, candidate, resamples=resamples, seed=seed)
    return _by_bootstrap(baseline.name, values, drawn, units, confidence)


def _by_mcnemar(name: str, values: tuple[float, float], changes: NDArray[np.float64], confidence: float, right: float) -> PairedComparison:
    lost, won = int(np.count_nonzero(changes < 0)), int(np.count_nonzero(changes > 0))
    low, high = (right * end for end in mcnemar_interval(lost=lost, won=won, samples=len(changes), confidence=confidence))
    p_value = mcnemar_p_value(lost=lost, won=won)
    return PairedComparison(name, *values, values[1] - values[0], low, high, confidence, p_value, len(changes), Method.MCNEMAR)


def _by_bootstrap(name: str, values: tuple[float, float], drawn: NDArray[np.float64], units: int, confidence: float) -> PairedComparison:
    low, high = percentile_interval(drawn, units=units, confidence=confidence)
    return PairedComparison(name, *values, values[1] - values[0], low, high, confidence, two_sided_p_value(drawn), units, Method.BOOTSTRAP)


def _samples(metric: Metric) -> NDArray[np.float64] | None:
    """Return values per sample; None where the metric has none, or says that its result is no mean of them."""
    if not isinstance(metric, SampleWise):
        return None
    try:
        return np.asarray(metric.samples(), np.float64)
    except MetricValueError:
        if isinstance(metric, Resamplable) and metric.units():
            return None
        raise


def _weights(baseline: Any, candidate: Any, units: int) -> NDArray[np.float64]:
    sides = [np.asarray(metric.weights() if hasattr(metric, "weights") else np.ones(units), np.float64) for metric in (baseline, candidate)]
    if not np.array_equal(sides[0], sides[1]):
        first = int(np.flatnonzero(sides[0] != sides[1])[0])
        what = f"Sample {first} has {sides[0][first]:g} elements for the baseline and {sides[1][first]:g} for the candidate"
        raise MetricValueError(what, "compare", "evaluate both models on the same samples in the same order")
    return sides[0]


def _right_or_wrong(*sides: NDArray[np.float64]) -> bool:
    return all(((side == 0.0) | (side == 1.0)).all() for side in sides)


def _check_options(confidence: float, resamples: int, seed: int) -> None:
    fix = "give a probability, such as 0.95"
    if not 0.0 < real_number(confidence, where="compare(confidence)", fix=fix) < 1.0:
        raise MetricValueError(f"The confidence is {confidence}", "compare(confidence)", fix)
    whole_number(resamples, where="compare(resamples)", least=100)
    whole_number(seed, where="compare(seed)", least=0)


def _check_units(baseline: int, candidate: int) -> None:
    if baseline != candidate:
        what = f"Numbers of samples do not match: baseline {baseline}, candidate {candidate}"
        raise MetricValueError(what, "compare", "evaluate both models on the same samples in the same order")
