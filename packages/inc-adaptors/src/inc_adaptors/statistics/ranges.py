"""Smallest and largest value seen, per tensor and per channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from inc_config.errors import CalibrationError
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import for_size
from inc_adaptors.kernels.extent import channel_extent, channel_extent_numpy, extent, extent_numpy
from inc_adaptors.statistics.arrays import as_float32, check_bounds, read_array, read_counter


class RangeStatistic:
    """Range of a tensor (``"range"``): ``minimum`` is +inf and ``maximum`` -inf until an ordinary value was seen.

    NaN and infinity are counted in ``non_finite``, finite magnitudes beyond 1e30 in ``masked``; both are left out of the range.
    ``count`` is the number of all values seen.
    """

    def __init__(self) -> None:
        self.minimum = np.inf
        self.maximum = -np.inf
        self.count = 0
        self.non_finite = 0
        self.masked = 0

    def update(self, values: NDArray[np.float32]) -> None:
        """Take in one array of any shape."""
        found = for_size(values.size, extent, extent_numpy)(as_float32(values))
        self.minimum = min(self.minimum, found.minimum)
        self.maximum = max(self.maximum, found.maximum)
        self.count += values.size
        self.non_finite += found.non_finite
        self.masked += found.masked

    def merge(self, other: Self) -> Self:
        """Range of both streams."""
        merged = type(self)()
        merged.minimum = min(self.minimum, other.minimum)
        merged.maximum = max(self.maximum, other.maximum)
        merged.count = self.count + other.count
        merged.non_finite = self.non_finite + other.non_finite
        merged.masked = self.masked + other.masked
        return merged

    def to_arrays(self) -> Mapping[str, NDArray[Any]]:
        """``range`` (2,) float32 and ``seen`` (3,) int64: values, non-finite, masked."""
        return {
            "range": np.array([self.minimum, self.maximum], np.float32),
            "seen": np.array([self.count, self.non_finite, self.masked], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from ``to_arrays``; raises CalibrationError for arrays it cannot have written."""
        low, high = read_array(arrays, "range", np.float32, (2,))
        check_bounds(low, high)
        read = cls()
        read.minimum, read.maximum = float(low), float(high)
        read.count, read.non_finite, read.masked = read_counter(arrays, "seen", 3)
        return read


class ChannelRangeStatistic:
    """Range per index of ``axis`` (``"channel_range"``): ``minimum`` and ``maximum`` have shape (C,), or (0,) before the first array.

    What is left out is counted for the whole tensor, as in ``RangeStatistic``.
    """

    def __init__(self, *, axis: int) -> None:
        self.axis = axis
        self.minimum = np.empty(0, np.float32)
        self.maximum = np.empty(0, np.float32)
        self.count = 0
        self.non_finite = 0
        self.masked = 0

    def update(self, values: NDArray[np.float32]) -> None:
        """Take in one array; raises CalibrationError where it has no such axis or another number of channels than before."""
        if not -values.ndim <= self.axis < values.ndim:
            raise CalibrationError(
                f"A tensor of shape {values.shape} has no axis {self.axis}.",
                where="statistic channel_range",
                fix="ask for an axis that every array of this tensor has",
            )
        extent_of = for_size(values.size, channel_extent, channel_extent_numpy)
        minimum, maximum, non_finite, masked = extent_of(as_float32(values, keep_order=True), self.axis)
        self._widen(minimum, maximum)
        self.count += values.size
        self.non_finite += non_finite
        self.masked += masked

    def merge(self, other: Self) -> Self:
        """Ranges of both streams; raises CalibrationError for different axes or numbers of channels."""
        if self.axis != other.axis:
            raise CalibrationError(
                f"Ranges along axis {self.axis} and axis {other.axis} do not merge.",
                where="statistic channel_range",
                fix="merge statistics of one spec",
            )
        merged = type(self)(axis=self.axis)
        for part in (self, other):
            if part.minimum.size:
                merged._widen(part.minimum, part.maximum)
        merged.count = self.count + other.count
        merged.non_finite = self.non_finite + other.non_finite
        merged.masked = self.masked + other.masked
        return merged

    def to_arrays(self) -> Mapping[str, NDArray[Any]]:
        """``minimum`` and ``maximum`` (C,) float32, ``axis`` (1,) int64 and ``seen`` (3,) int64: values, non-finite, masked."""
        return {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "axis": np.array([self.axis], np.int64),
            "seen": np.array([self.count, self.non_finite, self.masked], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from ``to_arrays``; raises CalibrationError for arrays it cannot have written."""
        (axis,) = read_array(arrays, "axis", np.int64, (1,))
        read = cls(axis=int(axis))
        read.minimum = read_array(arrays, "minimum", np.float32, (None,))
        read.maximum = read_array(arrays, "maximum", np.float32, read.minimum.shape)
        check_bounds(read.minimum, read.maximum)
        read.count, read.non_finite, read.masked = read_counter(arrays, "seen", 3)
        return read

    def _widen(self, minimum: NDArray[np.float32], maximum: NDArray[np.float32]) -> None:
        if self.minimum.size == 0:
            self.minimum, self.maximum = minimum, maximum
        elif self.minimum.shape == minimum.shape:
            self.minimum, self.maximum = np.minimum(self.minimum, minimum), np.maximum(self.maximum, maximum)
        else:
            raise CalibrationError(
                f"{minimum.size} channels along axis {self.axis} after {self.minimum.size} before.",
                where="statistic channel_range",
                fix="use per-tensor ranges for a tensor whose channels vary in number",
            )
