"""Histogram and range of a stream of unknown range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from inc_config.errors import CalibrationError
from numpy.typing import NDArray

from inc_adaptors.kernels.grid import MIN_EXPONENT, coarsen, grid_exponent, update_grid
from inc_adaptors.statistics.arrays import DAMAGED, as_float32, check_bounds, read_array, read_counter

_MAX_BINS = 1 << 20


class HistogramStatistic:
    """Range and histogram of a tensor (``"histogram"``) on the zero-anchored grid of ``inc_adaptors.kernels.grid``.

    Args:
        bins: how many bins may lie between the ends of the range, zero included in it; even, from 2 to 2^20. More than half of them do.

    ``minimum``, ``maximum``, ``count``, ``non_finite`` and ``masked`` as in ``RangeStatistic``; bins are ``2**exponent`` wide.
    """

    def __init__(self, *, bins: int = 2048) -> None:
        if bins % 2 or not 2 <= bins <= _MAX_BINS:
            raise CalibrationError(
                f"A histogram cannot have {bins} bins.", where="bins of statistic histogram", fix="an even number from 2 to 2^20"
            )
        self.bins = bins
        self.exponent = MIN_EXPONENT
        self.minimum = np.inf
        self.maximum = -np.inf
        self.count = 0
        self.non_finite = 0
        self.masked = 0
        self._grid = np.zeros(2 * bins, np.int64)

    @property
    def width(self) -> float:
        """Bin width, a power of two."""
        return 2.0**self.exponent

    @property
    def first(self) -> int:
        """Grid index of ``counts[0]``: the bin starts at ``first * width``."""
        return -int(np.floor(-self.minimum / self.width)) - 1 if self.minimum < 0.0 else 0

    @property
    def counts(self) -> NDArray[np.int64]:
        """Counts of the bins from ``min(minimum, 0)`` to ``max(maximum, 0)``, at least one and at most ``bins``."""
        last = int(np.floor(max(self.maximum, 0.0) / self.width))
        return self._grid[self.bins + self.first : self.bins + last + 1]

    def update(self, values: NDArray[np.float32]) -> None:
        """Take in one array of any shape."""
        grown = update_grid(as_float32(values), self._grid, self.exponent, self.minimum, self.maximum)
        self.exponent, self.minimum, self.maximum = grown.exponent, grown.minimum, grown.maximum
        self.count += values.size
        self.non_finite += grown.non_finite
        self.masked += grown.masked

    def merge(self, other: Self) -> Self:
        """Histogram of both streams, bit-identical to one pass; raises CalibrationError for different ``bins``."""
        if self.bins != other.bins:
            raise CalibrationError(
                f"Histograms of {self.bins} and {other.bins} bins do not merge.",
                where="statistic histogram",
                fix="merge statistics of one spec",
            )
        merged = type(self)(bins=self.bins)
        merged.minimum = min(self.minimum, other.minimum)
        merged.maximum = max(self.maximum, other.maximum)
        merged.exponent = grid_exponent(merged.minimum, merged.maximum, self.bins, max(self.exponent, other.exponent))
        for part in (self, other):
            grid = part._grid.copy()
            coarsen(grid, merged.exponent - part.exponent)
            merged._grid += grid
        merged.count = self.count + other.count
        merged.non_finite = self.non_finite + other.non_finite
        merged.masked = self.masked + other.masked
        return merged

    def to_arrays(self) -> Mapping[str, NDArray[Any]]:
        """``counts`` int64, ``range`` (2,) float32, ``grid`` (2,) int64: bins and exponent, ``seen`` as in ``RangeStatistic``."""
        return {
            "counts": self.counts.copy(),
            "range": np.array([self.minimum, self.maximum], np.float32),
            "grid": np.array([self.bins, self.exponent], np.int64),
            "seen": np.array([self.count, self.non_finite, self.masked], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from ``to_arrays``; raises CalibrationError for arrays it cannot have written."""
        bins, exponent = (int(value) for value in read_array(arrays, "grid", np.int64, (2,)))
        low, high = read_array(arrays, "range", np.float32, (2,))
        check_bounds(low, high)
        read = cls(bins=bins)
        read.minimum, read.maximum = float(low), float(high)
        read.exponent = exponent
        if grid_exponent(read.minimum, read.maximum, bins, MIN_EXPONENT) != exponent:
            raise CalibrationError(
                f"Stored histogram: a width of 2^{exponent} does not belong to the range [{low}, {high}].", where="array grid", fix=DAMAGED
            )
        read.count, read.non_finite, read.masked = read_counter(arrays, "seen", 3)
        counts = read_array(arrays, "counts", np.int64, read.counts.shape)
        if (counts < 0).any() or counts.sum() != read.count - read.non_finite - read.masked:
            raise CalibrationError("Stored histogram: its counts do not add up to the number of values.", where="array counts", fix=DAMAGED)
        read.counts[:] = counts
        return read
