"""Metrics of decisions whose state is a handful of counts per class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from inc_metrics.classification.decisions import Decider, Decisions, Task
from inc_metrics.errors import MetricValueError
from inc_metrics.kept_pairs import KeptPairs
from inc_metrics.options import flag
from inc_metrics.state import check_mergeable, no_data, not_kept

if TYPE_CHECKING:
    from numpy.typing import NDArray


class DecisionCounts(ABC):
    """The part that metrics of counted decisions share: reading a batch, merging, resampling.

    A subclass says what it counts, with classes on the first axis, and what the counts are worth.

    Args:
        task: inferred from the first batch when None; see :class:`inc_metrics.Accuracy`.
        threshold: binary and multilabel scores above it say yes; None means 0.5 and insists on probabilities.
        num_classes: bound for labels where predictions are labels too.
        class_axis: where the classes are in multiclass scores.
        keep_samples: keep every sample's decision for :meth:`resampled`; without it memory does not grow.
    """

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
        self._keep_samples = flag(keep_samples, where=f"{type(self).__name__}(keep_samples)")
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, the inferred task included."""
        self._decider.reset()
        self._counts: NDArray[np.int64] | None = None
        self._kept = KeptPairs(type(self).__name__)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch or one sample.

        Raises:
            MetricValueError: shapes, labels or scores that make no sense, or another task than before.
            MetricTypeError: no numbers.
        """
        batch = self._decider.decide(predictions, targets)
        counts = self._added(self._count(batch))
        if self._keep_samples:
            self._kept.add(batch.predicted, batch.truth)
        self._counts = counts
        self._decider.seen = batch.task

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options, or another inferred task.
        """
        check_mergeable(self, other)
        self._decider.join(other._decider)
        self._kept.join(other._kept)
        if other._counts is not None:
            self._counts = self._added(other._counts)

    def result(self) -> float:
        """Return the value over everything taken in.

        Raises:
            MetricValueError: nothing was taken in, or the value is not defined for it.
        """
        return self._value(self._seen_counts("result"), self._decider.seen or Task.MULTICLASS)

    def units(self) -> int:
        """Return how many samples were kept.

        Raises:
            MetricValueError: the metric was made without ``keep_samples=True``.
        """
        if not self._keep_samples:
            raise not_kept(self, "units")
        return len(self._kept)

    def resampled(self, indices: NDArray[np.int64], /) -> float:
        """Return the result over the samples ``indices``, repetitions counted.

        Raises:
            MetricValueError: nothing was kept, or the value is not defined for these samples.
        """
        counts = self._seen_counts("resampled")
        if not self.units():
            raise no_data(self, "resampled")
        predicted, truth = self._kept.arrays()
        task = self._decider.seen or Task.MULTICLASS
        classes = len(counts) if task is not Task.BINARY else None
        return self._value(self._count(Decisions(task, predicted[indices], truth[indices], classes)), task)

    @abstractmethod
    def _count(self, batch: Decisions) -> NDArray[np.int64]:
        """Return the counts of one batch; those of several batches add up."""

    @abstractmethod
    def _value(self, counts: NDArray[np.int64], task: Task) -> float:
        """Return what counts over all batches are worth."""

    def _options(self) -> dict[str, object]:
        return {**self._decider.options(), "keep_samples": self._keep_samples}

    def _seen_counts(self, method: str) -> NDArray[np.int64]:
        if self._counts is None:
            raise no_data(self, method)
        return self._counts

    def _added(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum of old and new counts; whichever has fewer classes is padded."""
        if self._counts is None:
            return counts
        shape = tuple(map(max, self._counts.shape, counts.shape))
        total = np.zeros(shape, np.int64)
        for part in (self._counts, counts):
            total[tuple(map(slice, part.shape))] += part
        return total


def class_indices(batch: Decisions, *, most: int, where: str) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return predicted and true class of every position, shape ``(positions,)``, and the number of classes; yes is class 1.

    Raises:
        MetricValueError: ``most`` classes or more, for which there are no counts; a label of that size is rather an id or a mask.
    """
    predicted = np.asarray(batch.predicted, np.int64).reshape(-1)
    truth = np.asarray(batch.truth, np.int64).reshape(-1)
    classes = max(1 + int(max(predicted.max(), truth.max())), batch.classes or 0, 2)
    if classes > most:
        what = f"The largest label is {classes - 1}, and counts are kept for {most} classes at most"
        raise MetricValueError(what, where, "number the classes from 0 without gaps, and drop samples that are masked")
    return predicted, truth, classes
