"""Precision, recall and what lies between them."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.classification.counts import DecisionCounts, class_indices
from inc_metrics.classification.decisions import Task
from inc_metrics.errors import MetricValueError
from inc_metrics.options import real_number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inc_metrics.classification.decisions import Decisions

_MOST_CLASSES = 1 << 24  # their counts take 400 MB
_LARGEST_BETA = 1e100  # its square stays in float64


class Average(StrEnum):
    """How the classes' values become one: the positive class alone, over all decisions, the mean over classes, or weighted by frequency."""

    BINARY = "binary"
    MICRO = "micro"
    MACRO = "macro"
    WEIGHTED = "weighted"


class FBeta(DecisionCounts):
    """Harmonic mean of precision and recall in which recall counts ``beta`` times as much; ``beta=1`` is the F1 of classes.

    Layouts are those of :class:`inc_metrics.Accuracy`. Classes that occur neither in the decisions nor in the truth take no
    part in an average; a class that occurs but is never right has the value 0, as in scikit-learn.

    Args:
        beta: weight of recall, above 0.
        average: ``binary`` for the positive class alone, ``micro``, ``macro``, ``weighted``; None is binary for a binary task
            and macro for the others.
        positive: the class that ``average="binary"`` looks at.
        task: inferred from the first batch when None.
        threshold: binary and multilabel scores above it say yes; None means 0.5 and insists on probabilities.
        num_classes: bound for labels where predictions are labels too.
        class_axis: where the classes are in multiclass scores.
        keep_samples: keep every sample's decision for ``resampled``.
    """

    name: ClassVar[str] = "f-beta"
    higher_is_better: ClassVar[bool] = True

    def __init__(
        self,
        *,
        beta: float = 1.0,
        average: Average | str | None = None,
        positive: int = 1,
        task: Task | str | None = None,
        threshold: float | None = None,
        num_classes: int | None = None,
        class_axis: int = 1,
        keep_samples: bool = False,
    ) -> None:
        self._beta = _checked_beta(beta)
        self._average = None if average is None else _parse_average(average, type(self).__name__)
        self._positive = whole_number(positive, where=f"{type(self).__name__}(positive)", least=0)
        super().__init__(task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis, keep_samples=keep_samples)

    def per_class(self) -> NDArray[np.float64]:
        """Return every class's own value, shape ``(C,)``; NaN for classes that do not occur.

        Raises:
            MetricValueError: nothing was taken in.
        """
        counts = self._seen_counts("per_class")
        values = np.full(len(counts), np.nan)
        occurs = _occurs(counts)
        values[occurs] = [self._ratio(*map(int, row)) for row in counts[occurs]]
        return values

    def _count(self, batch: Decisions) -> NDArray[np.int64]:
        """Return (right, predicted, actual) per class, shape ``(C, 3)``."""
        if batch.task is Task.MULTILABEL:
            others = tuple(axis for axis in range(batch.truth.ndim) if axis != 1)
            sides = (batch.predicted & batch.truth, batch.predicted, batch.truth)
            return np.stack([side.sum(axis=others, dtype=np.int64) for side in sides], axis=1)
        predicted, truth, classes = class_indices(batch, most=_MOST_CLASSES, where=f"{type(self).__name__}.update")
        sides = (truth[predicted == truth], predicted, truth)
        return np.stack([np.bincount(side, minlength=classes) for side in sides], axis=1).astype(np.int64)

    def _value(self, counts: NDArray[np.int64], task: Task) -> float:
        average = self._average or (Average.BINARY if task is Task.BINARY else Average.MACRO)
        if average is Average.BINARY:
            return self._binary(counts, task)
        if average is Average.MICRO:
            return self._ratio(*map(int, counts.sum(axis=0)))
        occurring = counts[_occurs(counts)]
        values = [self._ratio(*map(int, row)) for row in occurring]
        weights = [int(row[2]) for row in occurring] if average is Average.WEIGHTED else [1] * len(values)
        if not sum(weights):
            raise self._undefined("No class occurs in the targets")
        return math.fsum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)

    def _binary(self, counts: NDArray[np.int64], task: Task) -> float:
        if task is Task.MULTILABEL or len(counts) > 2:
            what = f'average="binary" with {len(counts)} {"labels" if task is Task.MULTILABEL else "classes"}'
            raise MetricValueError(what, f"{type(self).__name__}.result", 'choose average="macro", "micro" or "weighted"')
        if not 0 <= self._positive < len(counts):
            raise MetricValueError(f"The positive class is {self._positive}", f"{type(self).__name__}(positive)", "choose 0 or 1")
        row = counts[self._positive]
        if not row[1:].any():
            raise self._undefined(f"Class {self._positive} occurs neither in the predictions nor in the targets")
        return self._ratio(*map(int, row))

    def _ratio(self, right: int, predicted: int, actual: int) -> float:
        square = self._beta**2
        below = square * actual + predicted
        if not below:
            raise self._undefined("No positive decision and no positive target")
        return (1.0 + square) * right / below

    def _undefined(self, what: str) -> MetricValueError:
        return MetricValueError(what, f"{type(self).__name__}.result", "evaluate on data that has the class")

    def _options(self) -> dict[str, object]:
        own = {"beta": self._beta, "average": self._average, "positive": self._positive}
        return {**own, **super()._options()}


class Precision(FBeta):
    """Fraction of the decisions for a class that are right; 0 for a class that occurs but is never decided for.

    Options are those of :class:`FBeta` without ``beta``.
    """

    name: ClassVar[str] = "precision"

    def __init__(
        self,
        *,
        average: Average | str | None = None,
        positive: int = 1,
        task: Task | str | None = None,
        threshold: float | None = None,
        num_classes: int | None = None,
        class_axis: int = 1,
        keep_samples: bool = False,
    ) -> None:
        super().__init__(
            average=average,
            positive=positive,
            task=task,
            threshold=threshold,
            num_classes=num_classes,
            class_axis=class_axis,
            keep_samples=keep_samples,
        )

    def _ratio(self, right: int, predicted: int, actual: int) -> float:
        return right / predicted if predicted else 0.0


class Recall(Precision):
    """Fraction of a class's samples that are decided for it; 0 for a class that is decided for but never true.

    Options are those of :class:`FBeta` without ``beta``.
    """

    name: ClassVar[str] = "recall"

    def _ratio(self, right: int, predicted: int, actual: int) -> float:
        return right / actual if actual else 0.0


def precision(
    predictions: Any,
    targets: Any,
    *,
    average: Average | str | None = None,
    positive: int = 1,
    task: Task | str | None = None,
    threshold: float | None = None,
    num_classes: int | None = None,
    class_axis: int = 1,
) -> float:
    """Return the precision of one batch; see :class:`Precision`."""
    metric = Precision(average=average, positive=positive, task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.result()


def recall(
    predictions: Any,
    targets: Any,
    *,
    average: Average | str | None = None,
    positive: int = 1,
    task: Task | str | None = None,
    threshold: float | None = None,
    num_classes: int | None = None,
    class_axis: int = 1,
) -> float:
    """Return the recall of one batch; see :class:`Recall`."""
    metric = Recall(average=average, positive=positive, task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.result()


def f_beta(
    predictions: Any,
    targets: Any,
    *,
    beta: float = 1.0,
    average: Average | str | None = None,
    positive: int = 1,
    task: Task | str | None = None,
    threshold: float | None = None,
    num_classes: int | None = None,
    class_axis: int = 1,
) -> float:
    """Return the F-beta value of one batch; see :class:`FBeta`."""
    metric = FBeta(
        beta=beta, average=average, positive=positive, task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis
    )
    metric.update(predictions, targets)
    return metric.result()


def _occurs(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(counts[:, 1:].any(axis=1))


def _checked_beta(beta: float) -> float:
    fix = "give a number above 0, such as 1.0"
    number = real_number(beta, where="FBeta(beta)", fix=fix)
    if not 0.0 < number < _LARGEST_BETA:
        raise MetricValueError(f"beta is {beta}", "FBeta(beta)", fix)
    return number


def _parse_average(average: Average | str, owner: str) -> Average:
    try:
        return Average(average)
    except ValueError as error:
        raise MetricValueError(f"Unknown average {average!r}", f"{owner}(average)", f"one of {', '.join(Average)}") from error
