"""Sums that do not depend on how the data was cut into batches, nor on the order of merging."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.errors import MetricValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class ExactSum:
    """An immutable sum of finite floats without rounding, kept as a few floats of falling size that add up to it exactly.

    Source:
        Shewchuk, Discrete & Computational Geometry 18, 1997 (floating-point expansions); ``math.fsum`` rounds one correctly.
    """

    def __init__(self, parts: tuple[float, ...] = ()) -> None:
        self._parts = parts

    def plus(self, values: Iterable[float]) -> ExactSum:
        """Return the sum with finite numbers added; raises OverflowError when it leaves float64."""
        remaining = [*self._parts, *values]
        parts: list[float] = []
        while (leading := math.fsum(remaining)) != 0.0:
            parts.append(leading)
            remaining.append(-leading)
        return ExactSum(tuple(parts))

    def plus_rows(self, sums: NDArray[Any], *, where: str) -> ExactSum:
        """Return the sum with per-sample sums added, shape ``(N,)``.

        Raises:
            MetricValueError: they leave the range of float64.
        """
        problem = MetricValueError("The sum leaves the range of float64", where, "scale the values down")
        if not np.isfinite(sums).all():
            raise problem
        try:
            return self.plus(sums.tolist())
        except OverflowError as error:
            raise problem from error

    def merged(self, other: ExactSum) -> ExactSum:
        """Return the sum of both."""
        return self.plus(other._parts)

    def value(self) -> float:
        """Return the sum, correctly rounded."""
        return math.fsum(self._parts)
