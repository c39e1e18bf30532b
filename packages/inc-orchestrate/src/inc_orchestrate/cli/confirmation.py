"""The chosen model against the original on data that chose nothing, once."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import attrs
import numpy as np
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config.tuning import AccuracyCriterion
from inc_metrics import Metric, MetricError
from inc_metrics.protocols import SampleWise
from numpy.typing import NDArray

from inc_orchestrate.evaluation import Evaluation, MetricEvaluator
from inc_orchestrate.label_free import LabelFree, LabelFreeEvaluator
from inc_orchestrate.report.figures import change, is_fraction, score, unit

CONFIDENCE = 0.95
_FEWEST_FOR_NORMAL = 30


@attrs.frozen(kw_only=True)
class Confirmation:
    """Values of both models in the metric's unit, and further values by name.

    ``interval`` is that of the difference; None where the metric has no values per sample.
    """

    metric: str
    original: float
    final: float
    samples: int
    interval: tuple[float, float] | None = None
    others: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        moved = f"{score(self.metric, self.original)} -> {score(self.metric, self.final)}{unit(self.metric)}"
        text = f"on {self.samples} held-out samples: {moved}, {change(self.metric, self.final, self.original)}"
        return ", ".join((text, *self._interval(), *(f"{name} {value:.1f}" for name, value in self.others)))

    def contradicts(self, criterion: AccuracyCriterion) -> bool:
        """Whether the whole interval lies outside the criterion: chance does not explain it."""
        if self.interval is None:
            return False
        allowed = criterion.limit(self.original) - self.original
        return self.interval[1] < allowed if criterion.higher_is_better else self.interval[0] > allowed

    def _interval(self) -> tuple[str, ...]:
        if self.interval is None:
            return ()
        scale = 100.0 if is_fraction(self.metric) else 1.0
        low, high = (bound * scale for bound in self.interval)
        return (f"{CONFIDENCE:.0%} CI [{low:+.2f}, {high:+.2f}]",)


def confirm(
    adaptor: Adaptor, original: ModelHandle, final: ModelHandle, loader: Any, metric: Metric | None, *, samples: int
) -> Confirmation:
    """Judge both models on ``loader``, whose ``samples`` samples neither calibrated nor chose.

    ``metric`` None compares without labels. One built with ``keep_samples=True`` gives the paired interval.
    """
    if metric is None:
        judge = LabelFreeEvaluator(LabelFree(loader), adaptor, original)
        found = judge.evaluate(adaptor, final)
        lost = round((1.0 - found.value) * samples)
        interval = binary_interval(lost=lost, won=0, samples=samples) if is_fraction(judge.metric) else None
        return Confirmation(metric=judge.metric, original=1.0, final=found.value, samples=samples, interval=interval, others=found.others)
    evaluator = MetricEvaluator(Evaluation(loader, metric))
    before, before_each = evaluator.evaluate(adaptor, original).value, _each(metric)
    after, after_each = evaluator.evaluate(adaptor, final).value, _each(metric)
    interval = None if before_each is None or after_each is None else paired_interval(after_each - before_each)
    return Confirmation(metric=metric.name, original=before, final=after, samples=samples, interval=interval)


def paired_interval(differences: NDArray[np.float64]) -> tuple[float, float] | None:
    """Confidence interval of the mean of per-sample differences, shape ``(n,)``; None for few that are not -1, 0 or 1."""
    if set(np.unique(differences)) <= {-1.0, 0.0, 1.0}:
        return binary_interval(lost=int((differences < 0).sum()), won=int((differences > 0).sum()), samples=differences.size)
    if differences.size < _FEWEST_FOR_NORMAL:
        return None
    mean, half = float(differences.mean()), _z() * float(differences.std(ddof=1)) / math.sqrt(differences.size)
    return mean - half, mean + half


def binary_interval(*, lost: int, won: int, samples: int) -> tuple[float, float]:
    """Confidence interval of a difference of paired fractions; it has a width even where the models never differ.

    Args:
        lost: samples that only the first model gets right.
        won: samples that only the second model gets right.
        samples: all samples, at least 1.

    Source:
        Agresti and Min, Statistics in Medicine 24 (2005), doi:10.1002/sim.1781: Wald's after adding 1/2 to each of the four cells.
    """
    b, c, n = lost + 0.5, won + 0.5, samples + 2.0
    middle = (c - b) / n
    half = _z() * math.sqrt((b + c) - (c - b) ** 2 / n) / n
    return max(-1.0, middle - half), min(1.0, middle + half)


def _each(metric: Metric) -> NDArray[np.float64] | None:
    if not isinstance(metric, SampleWise):
        return None
    try:
        return np.array(metric.samples(), dtype=np.float64)
    except MetricError:
        return None  # it was built without keep_samples=True


def _z() -> float:
    return NormalDist().inv_cdf((1.0 + CONFIDENCE) / 2.0)
