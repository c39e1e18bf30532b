"""How closely predictions follow targets, up to scale or order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from inc_metrics.batches import shapes_differ
from inc_metrics.kept_pairs import KeptPairs
from inc_metrics.options import flag
from inc_metrics.regression.moments import PairMoments
from inc_metrics.regression.pairs import matching_float64
from inc_metrics.state import check_mergeable, no_data, not_kept
from inc_metrics.whole import WholeData

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Pearson:
    """Pearson's correlation coefficient of two sides of shape ``(N,)`` or ``(N, 1)``, correctly rounded but for its root.

    Args:
        keep_samples: keep both sides for :meth:`resampled`; without it memory does not grow.
    """

    name: ClassVar[str] = "pearson"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, keep_samples: bool = False) -> None:
        self._keep_samples = flag(keep_samples, where=f"{type(self).__name__}(keep_samples)")
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        self._moments = PairMoments("Pearson")
        self._kept = KeptPairs("Pearson")

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch.

        Raises:
            MetricValueError: unequal shapes, more than one value per sample, an empty batch, NaN or infinite values.
            MetricTypeError: no numbers.
        """
        left, right = one_per_sample(predictions, targets, where="Pearson.update")
        self._moments.add(left, right)
        if self._keep_samples:
            self._kept.add(left, right)

    def result(self) -> float:
        """Return the coefficient, from -1 to 1.

        Raises:
            MetricValueError: nothing was taken in, or one side is constant.
        """
        if not self._moments.count:
            raise no_data(self, "result")
        return self._moments.correlation()

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options.
        """
        check_mergeable(self, other)
        self._moments.join(other._moments)
        self._kept.join(other._kept)

    def units(self) -> int:
        """Return how many samples were kept.

        Raises:
            MetricValueError: the metric was made without ``keep_samples=True``.
        """
        if not self._keep_samples:
            raise not_kept(self, "units")
        return len(self._kept)

    def resampled(self, indices: NDArray[np.int64], /) -> float:
        """Return the result over the samples ``indices``, repetitions counted.

        Raises:
            MetricValueError: nothing was kept, or one side is constant.
        """
        if not self.units():
            raise no_data(self, "resampled")
        left, right = self._kept.arrays()
        moments = PairMoments("Pearson")
        moments.add(left[indices], right[indices])
        return moments.correlation()

    def _options(self) -> dict[str, object]:
        return {"keep_samples": self._keep_samples}


class Spearman(WholeData):
    """Spearman's rank correlation coefficient: Pearson's of the ranks, equal values sharing their mean rank.

    Both sides have shape ``(N,)`` or ``(N, 1)``; they are kept, since ranks depend on all of them.
    """

    name: ClassVar[str] = "spearman"
    higher_is_better: ClassVar[bool] = True

    def _read(self, predictions: Any, targets: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        return one_per_sample(predictions, targets, where="Spearman.update")

    def _value(self, left: NDArray[Any], right: NDArray[Any]) -> float:
        moments = PairMoments("Spearman")
        moments.add(_twice_mean_ranks(left), _twice_mean_ranks(right))
        return moments.correlation()


def pearson(predictions: Any, targets: Any) -> float:
    """Return Pearson's correlation coefficient of one batch; see :class:`Pearson`."""
    metric = Pearson()
    metric.update(predictions, targets)
    return metric.result()


def spearman(predictions: Any, targets: Any) -> float:
    """Return Spearman's rank correlation coefficient of one batch; see :class:`Spearman`."""
    metric = Spearman()
    metric.update(predictions, targets)
    return metric.result()


def one_per_sample(predictions: Any, targets: Any, *, where: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both sides in float64, shape ``(N,)``; raises as :func:`matching_float64` and for several values per sample."""
    left, right = matching_float64(predictions, targets, where=where)
    if left.size != len(left):
        raise shapes_differ(left, right, where=where, fix="give one value per sample, shape (N,)")
    return left.reshape(-1), right.reshape(-1)


def _twice_mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twice the mean rank of each value, which is a whole number, shape ``(N,)``."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((2 * last - counts + 1)[inverse.reshape(-1)], np.float64)
