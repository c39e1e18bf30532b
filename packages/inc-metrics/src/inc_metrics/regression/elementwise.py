"""Means of element-wise errors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from inc_metrics.options import flag
from inc_metrics.regression.pairs import matching_float64
from inc_metrics.sample_mean import SampleMean


class MAE(SampleMean):
    """Mean absolute error over all elements; both sides have shape ``(N, ...)``, or are single numbers or
    lists of a model's outputs of several such shapes.

    Args:
        compare_label: kept for 1.x configurations; it changes nothing here. False asks whoever evaluates to pass the original
            model's predictions as targets.
        keep_samples: keep each sample's mean absolute error for ``samples()``.
    """

    name: ClassVar[str] = "mae"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, *, compare_label: bool = True, keep_samples: bool = False) -> None:
        self.compare_label = flag(compare_label, where=f"{type(self).__name__}(compare_label)")
        super().__init__(keep_samples=keep_samples)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch; a column ``(N, 1)`` fits ``(N,)``.

        Raises:
            MetricValueError: unequal shapes, an empty batch, NaN or infinite values.
            MetricTypeError: no numbers.
        """
        left, right = matching_float64(predictions, targets, where="MAE.update")
        with np.errstate(over="ignore"):  # an overflow is reported by _take
            errors = np.abs(left - right)
        self._take(errors, where="MAE.update")

    def _options(self) -> dict[str, object]:
        return {"compare_label": self.compare_label, **super()._options()}


class MSE(SampleMean):
    """Mean squared error over all elements; both sides have shape ``(N, ...)``, or are single numbers or
    lists of a model's outputs of several such shapes.

    Args:
        compare_label: kept for 1.x configurations; it changes nothing here. False asks whoever evaluates to pass the original
            model's predictions as targets.
        keep_samples: keep each sample's mean squared error for ``samples()``.
    """

    name: ClassVar[str] = "mse"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, *, compare_label: bool = True, keep_samples: bool = False) -> None:
        self.compare_label = flag(compare_label, where=f"{type(self).__name__}(compare_label)")
        super().__init__(keep_samples=keep_samples)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch; a column ``(N, 1)`` fits ``(N,)``.

        Raises:
            MetricValueError: unequal shapes, an empty batch, NaN or infinite values.
            MetricTypeError: no numbers.
        """
        where = f"{type(self).__name__}.update"
        left, right = matching_float64(predictions, targets, where=where)
        with np.errstate(over="ignore"):  # an overflow is reported by _take
            squares = np.square(left - right)
        self._take(squares, where=where)

    def _options(self) -> dict[str, object]:
        return {"compare_label": self.compare_label, **super()._options()}


class RMSE(MSE):
    """Square root of the mean squared error, in the unit of the targets.

    ``samples()`` gives each sample's mean *squared* error: the root of their mean is the result, the mean of their roots is not.
    """

    name: ClassVar[str] = "rmse"

    def _from_mean(self, mean: float) -> float:
        return math.sqrt(mean)


def mae(predictions: Any, targets: Any) -> float:
    """Return the mean absolute error of one batch; see :class:`MAE`."""
    metric = MAE()
    metric.update(predictions, targets)
    return metric.result()


def mse(predictions: Any, targets: Any) -> float:
    """Return the mean squared error of one batch; see :class:`MSE`."""
    metric = MSE()
    metric.update(predictions, targets)
    return metric.result()


def rmse(predictions: Any, targets: Any) -> float:
    """Return the root of the mean squared error of one batch; see :class:`RMSE`."""
    metric = RMSE()
    metric.update(predictions, targets)
    return metric.result()
