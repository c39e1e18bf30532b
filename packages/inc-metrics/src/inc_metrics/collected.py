"""A function of all predictions and all targets, as a metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from inc_metrics.arrays import as_array, as_score
from inc_metrics.batches import align
from inc_metrics.errors import MetricValueError
from inc_metrics.state import check_mergeable, no_data

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CollectedScore:
    """Keeps every batch as numpy arrays and calls a function once over all of them.

    Args:
        function: of predictions and targets, each concatenated along the batch axis, to one real number.
        name: shown in tables.
        higher_is_better: direction of improvement.
        targets_first: call ``function(targets, predictions)``, the order of scikit-learn.
    """

    def __init__(self, function: Callable[..., Any], *, name: str, higher_is_better: bool = True, targets_first: bool = False) -> None:
        self._function = function
        self._targets_first = targets_first
        self.name = name
        self.higher_is_better = higher_is_better
        self.reset()

    def reset(self) -> None:
        """Forget everything collected."""
        self._predictions: list[np.ndarray[Any, Any]] = []
        self._targets: list[np.ndarray[Any, Any]] = []

    def update(self, predictions: Any, targets: Any, /) -> None:
        """Keep a copy of one batch or one sample.

        Raises:
            MetricValueError: an empty batch, unequal numbers of samples, or samples shaped otherwise than before.
            MetricTypeError: no numbers.
        """
        where = f"{self.name}.update"
        left, right = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        left, right = align(left, right, where=where)
        if self._predictions:
            _check_sample_shape(left, self._predictions[0], where=f"{where}(predictions)")
            _check_sample_shape(right, self._targets[0], where=f"{where}(targets)")
        self._predictions.append(left.copy())
        self._targets.append(right.copy())

    def result(self) -> float:
        """Return the function's value over everything collected.

        Raises:
            MetricValueError: nothing was collected, or the value is NaN.
            MetricTypeError: the value is not one real number.
        """
        if not self._predictions:
            raise no_data(self, "result")
        return self._value(np.concatenate(self._predictions), np.concatenate(self._targets))

    def units(self) -> int:
        """Return how many samples were collected."""
        return sum(map(len, self._predictions))

    def resampled(self, indices: NDArray[np.int64], /) -> float:
        """Return the function's value over the samples ``indices``, repetitions counted.

        Raises:
            MetricValueError: nothing was collected, or the value is NaN.
            MetricTypeError: the value is not one real number.
        """
        if not self._predictions:
            raise no_data(self, "resampled")
        self._predictions, self._targets = (
            [np.concatenate(self._predictions)],
            [np.concatenate(self._targets)],
        )  # later calls find one piece
        return self._value(self._predictions[0][indices], self._targets[0][indices])

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has collected; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: another function, or samples shaped otherwise.
        """
        check_mergeable(self, other)
        if self._predictions and other._predictions:
            _check_sample_shape(other._predictions[0], self._predictions[0], where=f"{self.name}.merge(predictions)")
            _check_sample_shape(other._targets[0], self._targets[0], where=f"{self.name}.merge(targets)")
        self._predictions = [*self._predictions, *other._predictions]
        self._targets = [*self._targets, *other._targets]

    def _value(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        sides = (targets, predictions) if self._targets_first else (predictions, targets)
        return as_score(self._function(*sides), where=f"{self.name}(predictions, targets)")

    def _options(self) -> dict[str, object]:
        return {"function": self._function, "targets_first": self._targets_first}


def _check_sample_shape(batch: np.ndarray[Any, Any], before: np.ndarray[Any, Any], *, where: str) -> None:
    if batch.shape[1:] != before.shape[1:]:
        raise MetricValueError(
            f"Samples have shape {batch.shape[1:]}, the ones before {before.shape[1:]}",
            where,
            "pad the samples, or use a metric with update",
        )
