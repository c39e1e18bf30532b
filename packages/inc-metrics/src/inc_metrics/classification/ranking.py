"""How well scores rank what is positive above what is not."""

from __future__ import annotations

import math
from abc import abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, as_labels, check_scores, shapes_differ
from inc_metrics.errors import MetricValueError
from inc_metrics.whole import WholeData

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RankingAverage(StrEnum):
    """How one-versus-rest values become one: their mean, or weighted by how many samples each class has."""

    MACRO = "macro"
    WEIGHTED = "weighted"


class _Ranking(WholeData):
    def __init__(self, *, average: RankingAverage | str = RankingAverage.MACRO) -> None:
        try:
            self._average = RankingAverage(average)
        except ValueError as error:
            fix = f"one of {', '.join(RankingAverage)}"
            raise MetricValueError(f"Unknown average {average!r}", f"{type(self).__name__}(average)", fix) from error
        super().__init__()

    def per_class(self) -> NDArray[np.float64]:
        """Return each class's value against the rest, shape ``(C,)``; one value for binary scores.

        Raises:
            MetricValueError: nothing was taken in, or a class has no positives or no negatives.
        """
        self._require_data("per_class")
        return self._per_class(*self._kept.arrays())

    def _read(self, predictions: Any, targets: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        where = f"{type(self).__name__}.update"
        scores, truth = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        scores, truth = align(scores, truth, where=where)
        check_scores(scores, where=f"{where}(predictions)")
        if scores.ndim == 2 and scores.shape[1] == 1:
            scores = scores[:, 0]
        if truth.ndim == 2 and truth.shape[1] == 1:
            truth = truth[:, 0]
        if scores.ndim > 2 or truth.ndim > scores.ndim or (truth.ndim == 2 and truth.shape != scores.shape):
            raise shapes_differ(
                scores, truth, where=where, fix="give scores (N,) or (N, C) and targets (N,) or 0 and 1 shaped like the scores"
            )
        if scores.ndim == 1 or truth.ndim == 2:
            return scores, as_labels(truth, classes=2, where=f"{where}(targets)").astype(np.bool_)
        labels = as_labels(truth, classes=scores.shape[1], where=f"{where}(targets)")
        return scores, labels[:, np.newaxis] == np.arange(scores.shape[1])

    def _value(self, left: NDArray[Any], right: NDArray[Any]) -> float:
        values: list[float] = self._per_class(left, right).tolist()
        if self._average is RankingAverage.MACRO or len(values) == 1:
            return math.fsum(values) / len(values)
        weights: list[int] = np.count_nonzero(right, axis=0).tolist()
        return math.fsum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)

    def _per_class(self, scores: NDArray[Any], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
        columns, flags = (scores[:, np.newaxis], truth[:, np.newaxis]) if scores.ndim == 1 else (scores, truth)
        positives = np.count_nonzero(flags, axis=0)
        undefined = np.flatnonzero((positives == 0) | (positives == len(flags)))
        if undefined.size:
            missing = "positive" if positives[undefined[0]] == 0 else "negative"
            subject = f"Class {undefined[0]}" if columns.shape[1] > 1 else "The data"
            where = f"{type(self).__name__}.result"
            raise MetricValueError(f"{subject} has no {missing} sample: there is nothing to rank", where, "evaluate on data with both")
        return np.array([self._one(columns[:, index], flags[:, index]) for index in range(columns.shape[1])])

    @abstractmethod
    def _one(self, scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
        """Return the value of one class."""

    def _options(self) -> dict[str, object]:
        return {"average": self._average}


class ROCAUC(_Ranking):
    """Area under the ROC curve: the probability that a positive outranks a negative, ties counting half.

    Scores ``(N,)`` with targets 0 or 1; or ``(N, C)`` with labels ``(N,)``, or with 0 and 1 ``(N, C)``, each class against the rest.
    Probabilities or logits: only their order matters. The value is exact up to its one division.

    Args:
        average: over classes, ``macro`` or ``weighted`` by the number of positives.
    """

    name: ClassVar[str] = "roc-auc"
    higher_is_better: ClassVar[bool] = True

    def _one(self, scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
        counts = _counts_per_score(scores, positive)
        positives: list[int] = counts[0].tolist()
        negatives: list[int] = counts[1].tolist()
        below = twice_won = 0
        for hits, misses in zip(positives, negatives, strict=True):
            twice_won += hits * (2 * below + misses)
            below += misses
        return twice_won / (2 * sum(positives) * sum(negatives))


class AveragePrecision(_Ranking):
    """Precision at each distinct score, weighted by the recall gained there; nothing is interpolated, as in scikit-learn.

    Layouts are those of :class:`ROCAUC`.

    Args:
        average: over classes, ``macro`` or ``weighted`` by the number of positives.
    """

    name: ClassVar[str] = "average-precision"
    higher_is_better: ClassVar[bool] = True

    def _one(self, scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
        positives, negatives = (counts[::-1] for counts in _counts_per_score(scores, positive))
        right = np.cumsum(positives)
        precision = right / (right + np.cumsum(negatives))
        return math.fsum((positives * precision).tolist()) / int(right[-1])


def roc_auc(predictions: Any, targets: Any, *, average: RankingAverage | str = RankingAverage.MACRO) -> float:
    """Return the area under the ROC curve of one batch; see :class:`ROCAUC`."""
    metric = ROCAUC(average=average)
    metric.update(predictions, targets)
    return metric.result()


def average_precision(predictions: Any, targets: Any, *, average: RankingAverage | str = RankingAverage.MACRO) -> float:
    """Return the average precision of one batch; see :class:`AveragePrecision`."""
    metric = AveragePrecision(average=average)
    metric.update(predictions, targets)
    return metric.result()


def _counts_per_score(scores: NDArray[Any], positive: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many positives and negatives share each distinct score, by rising score."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    hits = np.add.reduceat(positive[order].astype(np.int64), starts)
    return hits, np.diff(np.append(starts, len(ranked))) - hits
