"""Metrics that need every sample at once, because no smaller statistic is sufficient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

from inc_metrics.kept_pairs import KeptPairs
from inc_metrics.state import check_mergeable, no_data

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WholeData(ABC):
    """The part that such metrics share: keeping, merging, resampling. Memory grows with the samples, in the dtype they came in."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        self._kept = KeptPairs(type(self).__name__)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch.

        Raises:
            MetricValueError: shapes, values or labels that make no sense.
            MetricTypeError: no numbers.
        """
        self._kept.add(*self._read(predictions, targets))

    def result(self) -> float:
        """Return the value over everything taken in.

        Raises:
            MetricValueError: nothing was taken in, or the value is not defined for it.
        """
        self._require_data("result")
        return self._value(*self._kept.arrays())

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options, or samples shaped otherwise.
        """
        check_mergeable(self, other)
        self._kept.join(other._kept)

    def units(self) -> int:
        """Return how many samples were taken in."""
        return len(self._kept)

    def resampled(self, indices: NDArray[np.int64], /) -> float:
        """Return the result over the samples ``indices``, repetitions counted.

        Raises:
            MetricValueError: nothing was taken in, or the value is not defined for these samples.
        """
        self._require_data("resampled")
        left, right = self._kept.arrays()
        return self._value(left[indices], right[indices])

    def _require_data(self, method: str) -> None:
        if not len(self._kept):
            raise no_data(self, method)

    @abstractmethod
    def _read(self, predictions: Any, targets: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Check one batch and return both sides with one row per sample."""

    @abstractmethod
    def _value(self, left: NDArray[Any], right: NDArray[Any]) -> float:
        """Return the value over all rows; their order must not matter."""

    def _options(self) -> dict[str, object]:
        return {}
