"""Fraction of right decisions."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from inc_metrics.classification.decisions import Decider, Task
from inc_metrics.sample_mean import SampleMean
from inc_metrics.state import check_mergeable


class Accuracy(SampleMean):
    """Fraction of right decisions among all decisions.

    ===========  ===================================================  =======================================
    task         predictions                                          targets
    ===========  ===================================================  =======================================
    multiclass   scores ``(N, C, ...)`` or labels ``(N, ...)``        labels ``(N, ...)`` or one-hot
    binary       scores or labels ``(N,)`` or ``(N, 1)``              0 or 1, ``(N,)`` or ``(N, 1)``
    multilabel   scores or labels ``(N, L, ...)``                     0 or 1, same shape; each label counts
    ===========  ===================================================  =======================================

    A single sample is given without the batch axis: scores ``(C,)`` with a scalar target, or ``(L,)`` with ``(L,)``.
    Among equal scores the first class wins.

    Args:
        task: inferred from the first batch when None. Float predictions shaped like their targets ``(N, C)`` are refused then
            unless a threshold says that they are multilabel: one-hot targets look the same.
        threshold: binary and multilabel scores above it say yes; None means 0.5 and insists on probabilities. 0.0 suits logits.
        num_classes: bound for labels where predictions are labels too.
        class_axis: where the classes are in multiclass scores.
        keep_samples: keep each sample's fraction of right decisions for ``samples()``.
    """

    name: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def __init__(
        self,
        *,
        task: Task | str | None = None,
        threshold: float | None = None,
        num_classes: int | None = None,
        class_axis: int = 1,
        keep_samples: bool = False,
    ) -> None:
        self._decider = Decider(task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis, owner=type(self).__name__)
        super().__init__(keep_samples=keep_samples)

    def reset(self) -> None:
        """Forget everything taken in, the inferred task included."""
        super().reset()
        self._decider.reset()

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch or one sample.

        Raises:
            MetricValueError: shapes, labels or scores that make no sense, or another task than before.
            MetricTypeError: no numbers.
        """
        batch = self._decider.decide(predictions, targets)
        self._take(np.asarray(batch.predicted == batch.truth), where="Accuracy.update")
        self._decider.seen = batch.task

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; see :meth:`SampleMean.merge`.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options, or another inferred task.
        """
        check_mergeable(self, other)
        self._decider.join(other._decider)
        super().merge(other)

    def _options(self) -> dict[str, object]:
        return {**self._decider.options(), **super()._options()}


def accuracy(
    predictions: Any,
    targets: Any,
    *,
    task: Task | str | None = None,
    threshold: float | None = None,
    num_classes: int | None = None,
    class_axis: int = 1,
) -> float:
    """Return the fraction of right decisions in one batch; see :class:`Accuracy`."""
    metric = Accuracy(task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.result()
