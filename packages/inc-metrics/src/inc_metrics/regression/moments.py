"""Sums of products of pairs without rounding, from which correlation follows exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.errors import MetricValueError
from inc_metrics.sums import ExactSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPLITTER = float(2**27 + 1)  # cuts the 53 bits of a float64 into two halves
_LARGEST = 1e150  # squares stay in float64
_LEAST_SPREAD = 1e-250  # far above what the underflow of a square's rounding error can amount to


class PairMoments:
    """Count, sums, sums of squares and of products of pairs ``(x, y)``, all exact, so that merging is and nothing cancels.

    Args:
        where: name of the metric, used in error messages only.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self.count = 0
        self._sums = {key: ExactSum() for key in ("x", "y", "xx", "yy", "xy")}

    def add(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Take in finite values, both of shape ``(N,)``.

        Raises:
            MetricValueError: a magnitude whose square leaves float64.
        """
        for values in (x, y):
            largest = max(float(values.max()), -float(values.min()))
            if largest > _LARGEST:
                raise MetricValueError(f"The magnitude {largest} squares to beyond float64", self._where, "scale the values down")
        terms = {"x": [x], "y": [y], "xx": exact_product(x, x), "yy": exact_product(y, y), "xy": exact_product(x, y)}
        sums = dict(self._sums)
        for key, arrays in terms.items():
            for values in arrays:
                sums[key] = sums[key].plus_rows(values, where=self._where)
        self._sums = sums
        self.count += len(x)

    def join(self, other: PairMoments) -> None:
        """Take in everything that ``other`` has."""
        self._sums = {key: total.merged(other._sums[key]) for key, total in self._sums.items()}
        self.count += other.count

    def spread(self, first: str, second: str) -> Fraction:
        """Return the sum of products of deviations from the means, such as ``spread("x", "y")``."""
        key = first + second
        return self._sums[key].fraction() - self._sums[first].fraction() * self._sums[second].fraction() / self.count

    def variation(self, side: str, *, what: str) -> Fraction:
        """Return the sum of squared deviations of side ``x`` or ``y``.

        Raises:
            MetricValueError: ``what`` is constant, or differs by too little for squares.
        """
        found = self.spread(side, side)
        if found < _LEAST_SPREAD:
            what = f"The {what} are constant" if found == 0 else f"The {what} differ by less than squares in float64 can tell"
            raise MetricValueError(what, self._where, "give two or more samples that differ, on a larger scale if need be")
        return found

    def correlation(self) -> float:
        """Return Pearson's coefficient.

        Raises:
            MetricValueError: one side is constant.
        """
        both = self.spread("x", "y")
        square = both**2 / (self.variation("x", what="predictions") * self.variation("y", what="targets"))
        return math.copysign(math.sqrt(float(square)), both)


def exact_product(left: NDArray[np.float64], right: NDArray[np.float64]) -> list[NDArray[Any]]:
    """Return the rounded products and their rounding errors: together they are the products.

    Source:
        Dekker, Numerische Mathematik 18, 1971 (TwoProduct with Veltkamp's splitting).
    """
    product = left * right
    (left_high, left_low), (right_high, right_low) = _halves(left), _halves(right)
    error = left_low * right_low - (((product - left_high * right_high) - left_low * right_high) - left_high * right_low)
    return [product, error]


def _halves(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scaled = values * _SPLITTER
    high = scaled - (scaled - values)
    return high, values - high
