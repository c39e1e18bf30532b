"""Metrics whose result is a mean over elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from inc_metrics.errors import MetricValueError
from inc_metrics.state import check_mergeable, no_data
from inc_metrics.sums import ExactSum

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SampleMean:
    """The part that metrics share whose result is a mean over elements: state, merging, and values per sample.

    Args:
        keep_samples: also keep each sample's own mean for :meth:`samples`, at 8 bytes per sample.
    """

    def __init__(self, *, keep_samples: bool = False) -> None:
        self._keep_samples = keep_samples
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        self._total = ExactSum()
        self._elements = 0
        self._kept: list[NDArray[np.float64]] = []

    def result(self) -> float:
        """Return the mean over all elements of all samples.

        Raises:
            MetricValueError: nothing was taken in.
        """
        self._require_data("result")
        return self._total.value() / self._elements

    def samples(self) -> NDArray[np.float64]:
        """Return each sample's own mean in the order of arrival, shape ``(N,)``.

        Raises:
            MetricValueError: the metric was made without ``keep_samples=True``, or nothing was taken in.
        """
        if not self._keep_samples:
            where = f"{type(self).__name__}.samples"
            raise MetricValueError("Values per sample were not kept", where, f"make it with {type(self).__name__}(keep_samples=True)")
        self._require_data("samples")
        return np.concatenate(self._kept)

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: the same kind with other options.
        """
        check_mergeable(self, other, self._options(), other._options())
        self._total = self._total.merged(other._total)
        self._elements += other._elements
        self._kept = [*self._kept, *other._kept]

    def _options(self) -> dict[str, object]:
        return {"keep_samples": self._keep_samples}

    def _take(self, values: NDArray[Any], *, where: str) -> None:
        """Add the values of a batch, shape ``(N, ...)``: booleans that count as 0 or 1, or finite float64."""
        rows = values.reshape(len(values), -1)
        if values.dtype.kind == "b":
            sums = np.count_nonzero(rows, axis=1)
            self._total = self._total.plus([float(sums.sum())])  # whole numbers add up without rounding
        else:
            with np.errstate(over="ignore"):  # an overflow is reported by plus_rows
                sums = rows.sum(axis=1)
            self._total = self._total.plus_rows(sums, where=where)
        self._elements += values.size
        if self._keep_samples:
            self._kept.append(sums / rows.shape[1])

    def _require_data(self, method: str) -> None:
        if not self._elements:
            raise no_data(self, method)
