"""Mean per channel, exact whatever the order of merging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from inc_config.errors import CalibrationError
from numpy.typing import NDArray

from inc_adaptors.statistics.arrays import as_float32, read_array, read_counter

_STEPS = 2.0**20  # per unit
_LARGEST = 2.0**23  # of a value: beyond this it counts as a mask
_CAPACITY = 2.0**62


class ChannelMeanStatistic:
    """Mean per index of ``axis`` (``"channel_mean"``): ``mean`` has shape (C,), or (0,) before the first array.

    Values are rounded to 2^-20 and added as integers, so that any split of the data gives the same sums. NaN and infinity are counted
    in ``non_finite``, magnitudes beyond 2^23 in ``masked``; both are left out. ``count`` is the number of all values seen.
    """

    def __init__(self, *, axis: int) -> None:
        self.axis = axis
        self.sums = np.empty(0, np.int64)
        self.counts = np.empty(0, np.int64)
        self.largest = 0.0
        self.count = 0
        self.non_finite = 0
        self.masked = 0

    @property
    def mean(self) -> NDArray[np.float64]:
        """Per channel; 0.0 where no ordinary value was seen."""
        return np.asarray(self.sums / _STEPS / np.maximum(self.counts, 1))

    def update(self, values: NDArray[np.float32]) -> None:
        """Take in one array.

        Raises:
            CalibrationError: it has no such axis, another number of channels than before, or the sums overflow.
        """
        if not -values.ndim <= self.axis < values.ndim:
            raise CalibrationError(
                f"A tensor of shape {values.shape} has no axis {self.axis}.",
                where="statistic channel_mean",
                fix="ask for an axis that every array of this tensor has",
            )
        rows = np.moveaxis(as_float32(values, keep_order=True), self.axis, 0).reshape(values.shape[self.axis], -1)
        finite = np.isfinite(rows)
        ordinary = finite & (np.abs(rows) <= _LARGEST)
        kept = rows if ordinary.all() else np.where(ordinary, rows, np.float32(0.0))
        self.count += values.size
        self.non_finite += int(values.size - finite.sum())
        self.masked += int(finite.sum() - ordinary.sum())
        self.largest = max(self.largest, float(np.abs(kept).max(initial=0.0)))
        exact = np.rint(kept * np.float64(_STEPS)).astype(np.int64)
        self._add(exact.sum(axis=1), ordinary.sum(axis=1))

    def merge(self, other: Self) -> Self:
        """Means of both streams; raises CalibrationError for different axes or numbers of channels."""
        if self.axis != other.axis:
            raise CalibrationError(
                f"Means along axis {self.axis} and axis {other.axis} do not merge.",
                where="statistic channel_mean",
                fix="merge statistics of one spec",
            )
        merged = type(self)(axis=self.axis)
        merged.largest = max(self.largest, other.largest)
        merged.count = self.count + other.count
        merged.non_finite = self.non_finite + other.non_finite
        merged.masked = self.masked + other.masked
        for part in (self, other):
            if part.sums.size:
                merged._add(part.sums, part.counts)
        return merged

    def to_arrays(self) -> Mapping[str, NDArray[Any]]:
        """``sums`` and ``counts`` (C,) int64, ``axis`` (1,), ``seen`` (3,) int64: values, non-finite, masked; ``largest`` (1,) float64."""
        return {
            "sums": self.sums,
            "counts": self.counts,
            "axis": np.array([self.axis], np.int64),
            "seen": np.array([self.count, self.non_finite, self.masked], np.int64),
            "largest": np.array([self.largest]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from ``to_arrays``; raises CalibrationError for arrays it cannot have written."""
        (axis,) = read_array(arrays, "axis", np.int64, (1,))
        read = cls(axis=int(axis))
        read.sums = read_array(arrays, "sums", np.int64, (None,))
        read.counts = np.array(read_counter(arrays, "counts", read.sums.size), np.int64)
        read.largest = float(read_array(arrays, "largest", np.float64, (1,))[0])
        read.count, read.non_finite, read.masked = read_counter(arrays, "seen", 3)
        return read

    def _add(self, sums: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        if self.sums.size == 0:
            self.sums, self.counts = np.zeros_like(sums), np.zeros_like(counts)
        if self.sums.shape != sums.shape:
            raise CalibrationError(
                f"{sums.size} channels along axis {self.axis} after {self.sums.size} before.",
                where="statistic channel_mean",
                fix="ask for an axis along which every array of this tensor has as many channels",
            )
        self.sums, self.counts = self.sums + sums, self.counts + counts
        if self.largest * _STEPS * float(self.counts.max(initial=0)) > _CAPACITY:
            raise CalibrationError(
                f"Sums of values up to {self.largest:.3g} overflow after {int(self.counts.max())} of them.",
                where="statistic channel_mean",
                fix="calibrate on fewer samples",
            )
