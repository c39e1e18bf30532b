"""Judge a trial sample by sample, and stop when the verdict is certain: with one error rate for the whole run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

import numpy as np
from inc_config.tuning import LossKind
from inc_metrics import Accuracy, ErrorBudget, Metric, MetricError, Sequential, TopK
from inc_metrics.confidence.sequential import Verdict
from inc_metrics.keeping import keeping_samples
from inc_metrics.protocols import SampleWise
from numpy.typing import NDArray

from inc_orchestrate.scoring import Judgement, Score, Terms
from inc_orchestrate.shuffled import Collector, Shuffled

_SEED = 0x5EED
_ONE_TO_ONE = 1e-9


class Asked(Protocol):
    """The part of an ``Evaluation`` that is about early verdicts."""

    @property
    def weights(self) -> Sequence[float] | None:
        """None: one metric is judged."""

    @property
    def every(self) -> bool:
        """False: one metric is judged."""

    @property
    def error_rate(self) -> float | None:
        """For the whole run; None: no early verdicts."""

    @property
    def generalize(self) -> bool:
        """Whether the verdict is about the data's source."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of a sample's value."""


class EarlyJudge:
    """The state that early verdicts need: the evaluation data in random order, and the original's value for every sample."""

    def __init__(self, metric: SampleWise, *, error_rate: float, generalize: bool, bounds: tuple[float, float]) -> None:
        self.metric = metric
        self.collector = Collector()
        self._error_rate = error_rate
        self._generalize = generalize
        self._bounds = bounds
        self._data: Shuffled | None = None
        self._baseline: NDArray[np.float64] = np.empty(0)

    @classmethod
    def of(cls, asked: Asked, metrics: Sequence[Metric]) -> Self | None:
        """The judge for an evaluation; None where verdicts need all the data."""
        bounds = asked.bounds or ((0.0, 1.0) if isinstance(metrics[0], Accuracy | TopK) else None)
        if asked.error_rate is None or asked.weights is not None or asked.every or bounds is None:
            return None
        kept = keeping_samples(metrics[0])
        if not isinstance(kept, SampleWise):
            return None
        return cls(kept, error_rate=asked.error_rate, generalize=asked.generalize, bounds=bounds)

    def ready(self, value: float) -> Self | None:
        """After the original was evaluated in full (``value``): itself, or None where its samples do not make up that value."""
        self._data = self.collector.shuffled(_SEED)
        self.collector = Collector(limit=0)
        if self._data is None:
            return None
        try:
            baseline = self.values()
        except MetricError:
            return None
        if len(baseline) != len(self._data.order) or abs(float(baseline.mean()) - value) > _ONE_TO_ONE * max(1.0, abs(value)):
            return None
        self._baseline = baseline[self._data.order]
        return self

    def values(self) -> NDArray[np.float64]:
        """The metric's values of the samples it has seen."""
        return np.asarray(self.metric.samples(), dtype=np.float64)

    def test(self, terms: Terms, *, higher_is_better: bool) -> Sequential | None:
        """The comparison for the next trial, with its share of the run's error rate; None where the criterion cannot fail or hold."""
        criterion = terms.criterion
        loss = {"relative": criterion.loss} if criterion.kind is LossKind.RELATIVE else {"absolute": criterion.loss}
        budget = ErrorBudget(self._error_rate, used=terms.before)
        population = None if self._generalize else len(self._baseline)
        try:
            return budget.sequential(**loss, bounds=self._bounds, higher_is_better=higher_is_better, population=population)
        except MetricError:
            return None

    def run(self, values_of: Callable[[Any, Any], NDArray[np.float64]], test: Sequential, *, finish_good: bool = False) -> Judgement:
        """Evaluate in random order until the verdict (a bad one with ``finish_good``).

        ``values_of`` gives a model's values for a batch of inputs and targets.
        """
        total, seen = 0.0, 0
        for inputs, targets in self._data or ():
            values = values_of(inputs, targets)
            verdict = test.update(self._baseline[seen : seen + len(values)], values)
            total, seen = total + float(values.sum()), seen + len(values)
            if verdict is Verdict.OUTSIDE or (verdict is Verdict.WITHIN and not finish_good):
                break
        score = Score(value=total / seen, samples=seen)
        decided = test.verdict is Verdict.WITHIN
        if seen < len(self._baseline):
            return Judgement(score=score, meets=decided, stopped_early=True)
        return Judgement(score=score, meets=decided if self._generalize else None)
