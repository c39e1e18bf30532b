"""Sums that do not depend on how the data was cut into batches, nor on the order of merging."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.errors import MetricValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_BLOCK = 1 << 14  # 128 KiB of float64: a block and its copy stay in the second-level cache through all passes
_HEADROOM = 15  # log2 of (_BLOCK + 2), rounded up
_FEW = 256  # below, one fsum is faster than the passes


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
        if sums.size and not (np.isfinite(sums.min()) and np.isfinite(sums.max())):
            raise problem
        try:
            return self.plus(_condensed(sums))
        except OverflowError as error:
            raise problem from error

    def merged(self, other: ExactSum) -> ExactSum:
        """Return the sum of both."""
        return self.plus(other._parts)

    def value(self) -> float:
        """Return the sum, correctly rounded."""
        return math.fsum(self._parts)

    def fraction(self) -> Fraction:
        """Return the sum as the rational number that it is."""
        return sum(map(Fraction, self._parts), Fraction(0))


def _condensed(values: NDArray[Any]) -> list[float]:
    """Return few floats with exactly the sum of many."""
    if values.size <= _FEW:
        return [float(value) for value in values.tolist()]
    parts: list[float] = []
    for start in range(0, values.size, _BLOCK):
        parts.extend(_block_parts(values[start : start + _BLOCK].astype(np.float64)))
    return parts


def _block_parts(block: NDArray[np.float64]) -> list[float]:
    """Peel off the leading bits of all values at once, until nothing is left; ``block`` is used up.

    Adding and subtracting ``sigma`` cuts each value at a fixed bit. The heads are multiples of one unit and few enough for
    their sum to need no more than 53 bits, so that numpy adds them without rounding in whatever order it likes.

    Source:
        Rump, Ogita and Oishi, SIAM Journal on Scientific Computing 31, 2008, "Accurate floating-point summation part I" (ExtractVector).
    """
    parts: list[float] = []
    heads = np.empty_like(block)
    while (largest := max(float(block.max()), -float(block.min()))) != 0.0:
        exponent = math.frexp(largest)[1] + _HEADROOM
        if exponent > 1023:  # sigma would be infinite
            return [*parts, *block.tolist()]
        sigma = math.ldexp(1.0, exponent)
        np.add(block, sigma, out=heads)
        np.subtract(heads, sigma, out=heads)
        np.subtract(block, heads, out=block)
        parts.append(float(heads.sum()))
    return parts
