"""Metrics whose result is a mean over elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from inc_metrics.options import flag
from inc_metrics.state import check_mergeable, no_data, not_kept
from inc_metrics.sums import ExactSum

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SampleMean:
    """The part that metrics share whose result is a mean over elements: state, merging, values per sample, resampling.

    Args:
        keep_samples: also keep each sample's own mean for :meth:`samples`, at 8 bytes per sample.
    """

    right: ClassVar[float] = 1.0
    """value of a sample that is right, where a wrong one has 0"""

    def __init__(self, *, keep_samples: bool = False) -> None:
        self._keep_samples = flag(keep_samples, where=f"{type(self).__name__}(keep_samples)")
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        self._total = ExactSum()
        self._elements = 0
        self._kept: list[NDArray[np.float64]] = []
        self._sizes: list[NDArray[np.int64]] = []

    def result(self) -> float:
        """Return the mean over all elements of all samples.

        Raises:
            MetricValueError: nothing was taken in.
        """
        self._require_data("result")
        return self._from_mean(self._total.value() / self._elements)

    def samples(self) -> NDArray[np.float64]:
        """Return each sample's own mean in the order of arrival, shape ``(N,)``.

        Raises:
            MetricValueError: the metric was made without ``keep_samples=True``, or nothing was taken in.
        """
        if not self._keep_samples:
            raise not_kept(self, "samples")
        self._require_data("samples")
        return np.concatenate(self._kept)

    def weights(self) -> NDArray[np.int64]:
        """Return how many elements each sample's mean is over, shape ``(N,)``.

        Raises:
            MetricValueError: as for :meth:`samples`.
        """
        self.samples()
        return np.concatenate(self._sizes)

    def units(self) -> int:
        """Return how many samples were kept.

        Raises:
            MetricValueError: as for :meth:`samples`.
        """
        return len(self.samples())

    def resampled(self, indices: NDArray[np.int64], /) -> float:
        """Return the result over the samples ``indices``, shape ``(units,)``, repetitions counted.

        Raises:
            MetricValueError: as for :meth:`samples`.
        """
        weights = self.weights()[indices]
        return self._from_mean(float(np.dot(self.samples()[indices], weights) / weights.sum()))

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: the same kind with other options.
        """
        check_mergeable(self, other)
        self._total = self._total.merged(other._total)
        self._elements += other._elements
        self._kept = [*self._kept, *other._kept]
        self._sizes = [*self._sizes, *other._sizes]

    def _options(self) -> dict[str, object]:
        return {"keep_samples": self._keep_samples}

    def _from_mean(self, mean: float) -> float:
        """Turn the mean over elements into the result."""
        return mean

    def _take(self, values: NDArray[Any], *, where: str) -> None:
        """Add the values of a batch, shape ``(N, ...)``: booleans that count as 0 or 1, or finite float64."""
        rows = np.ascontiguousarray(values).reshape(len(values), -1)  # numpy's order of adding follows the memory's
        if values.dtype.kind == "b":
            sums: NDArray[Any] = np.count_nonzero(rows, axis=1)
        elif rows.shape[1] == 1:
            sums = rows[:, 0]  # numpy's reduction over an axis of one is slow
        else:
            with np.errstate(over="ignore"):  # an overflow is reported by plus_rows
                sums = rows.sum(axis=1)
        self._take_sums(sums, np.int64(rows.shape[1]), where=where)

    def _take_sums(self, sums: NDArray[Any], sizes: NDArray[np.int64] | np.int64, *, where: str) -> None:
        """Add each sample's sum over its elements, shape ``(N,)``, and how many these are, shape ``(N,)`` or ``()``, at least 1."""
        if sums.dtype.kind in "iu":
            self._total = self._total.plus([float(sums.sum())])  # whole numbers add up without rounding
        else:
            self._total = self._total.plus_rows(sums, where=where)
        each = np.broadcast_to(sizes, sums.shape)
        self._elements += int(each.sum())
        if self._keep_samples:
            self._kept.append(sums / sizes)
            self._sizes.append(each)

    def _require_data(self, method: str) -> None:
        if not self._elements:
            raise no_data(self, method)
