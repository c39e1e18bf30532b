"""Coefficient of determination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from inc_metrics.errors import MetricValueError
from inc_metrics.kept_pairs import KeptPairs
from inc_metrics.options import flag
from inc_metrics.regression.moments import PairMoments
from inc_metrics.regression.pairs import matching_float64
from inc_metrics.state import check_mergeable, no_data, not_kept
from inc_metrics.sums import ExactSum

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray


class R2:
    """One minus squared error over the targets' own spread; 1 is perfect, 0 is as good as the mean, and it may be negative.

    Both sides have shape ``(N, ...)``; every element after the batch axis is an output of its own, and the result is the mean
    of their values, as in scikit-learn.

    Args:
        keep_samples: keep both sides for :meth:`resampled`; without it memory does not grow.
    """

    name: ClassVar[str] = "r2"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, keep_samples: bool = False) -> None:
        self._keep_samples = flag(keep_samples, where=f"{type(self).__name__}(keep_samples)")
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        self._outputs: list[_Output] = []
        self._kept = KeptPairs("R2")

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch.

        Raises:
            MetricValueError: unequal shapes, an empty batch, NaN or infinite values, or other outputs than before.
            MetricTypeError: no numbers.
        """
        left, right = (side.reshape(len(side), -1) for side in matching_float64(predictions, targets, where="R2.update"))
        self._check_outputs(left.shape[1], where="R2.update")
        added = _outputs(left, right)
        if self._keep_samples:
            self._kept.add(left, right)
        self._join(added)

    def result(self) -> float:
        """Return the mean over outputs.

        Raises:
            MetricValueError: nothing was taken in, or the targets of an output are constant.
        """
        if not self._outputs:
            raise no_data(self, "result")
        return _mean(self._outputs)

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options or outputs.
        """
        check_mergeable(self, other)
        if other._outputs:
            self._check_outputs(len(other._outputs), where="R2.merge")
            self._kept.join(other._kept)
            self._join(other._outputs)

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
            MetricValueError: nothing was kept, or the targets of an output are constant.
        """
        if not self.units():
            raise no_data(self, "resampled")
        left, right = self._kept.arrays()
        return _mean(_outputs(left[indices], right[indices]))

    def _check_outputs(self, count: int, *, where: str) -> None:
        if self._outputs and count != len(self._outputs):
            what = f"Samples have {count} outputs, the ones before {len(self._outputs)}"
            raise MetricValueError(what, where, "give all samples in one shape")

    def _join(self, added: list[_Output]) -> None:
        if not self._outputs:
            self._outputs = [_Output() for _ in added]
        for mine, new in zip(self._outputs, added, strict=True):
            mine.join(new)

    def _options(self) -> dict[str, object]:
        return {"keep_samples": self._keep_samples}


class _Output:
    """Squared error and moments of one output."""

    def __init__(self) -> None:
        self.errors = ExactSum()
        self.moments = PairMoments("R2")

    def add(self, predictions: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        self.moments.add(targets, targets)
        with np.errstate(over="ignore"):  # an overflow is reported by plus_rows
            squares = np.square(targets - predictions)
        self.errors = self.errors.plus_rows(squares, where="R2.update")

    def join(self, other: _Output) -> None:
        self.moments.join(other.moments)
        self.errors = self.errors.merged(other.errors)

    def value(self) -> Fraction:
        return 1 - self.errors.fraction() / self.moments.variation("x", what="targets")


def _outputs(left: NDArray[np.float64], right: NDArray[np.float64]) -> list[_Output]:
    outputs = [_Output() for _ in range(left.shape[1])]
    for index, output in enumerate(outputs):
        output.add(left[:, index], right[:, index])
    return outputs


def _mean(outputs: list[_Output]) -> float:
    return float(sum(output.value() for output in outputs) / len(outputs))


def r2(predictions: Any, targets: Any) -> float:
    """Return the coefficient of determination of one batch; see :class:`R2`."""
    metric = R2()
    metric.update(predictions, targets)
    return metric.result()
