"""Signal-to-quantization-noise ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from inc_metrics.errors import MetricValueError
from inc_metrics.regression.pairs import matching_float64
from inc_metrics.state import check_mergeable, no_data
from inc_metrics.sums import ExactSum

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SQNR:
    """Power of the reference over power of the difference, in dB: ``10 log10(sum(reference^2) / sum((reference - candidate)^2))``.

    Both sums run over all elements of all batches, so it is no mean over samples. Identical outputs give infinity.
    """

    name: ClassVar[str] = "sqnr"
    higher_is_better: ClassVar[bool] = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in."""
        self._signal = ExactSum()
        self._noise = ExactSum()
        self._elements = 0

    def update(self, candidate_outputs: Any, reference_outputs: Any) -> None:
        """Take in the outputs of two models for the same samples, in one shape.

        Raises:
            MetricValueError: unequal shapes, an empty batch, NaN or infinite values, or squares beyond float64.
            MetricTypeError: no numbers.
        """
        where = "SQNR.update"
        candidate, reference = matching_float64(candidate_outputs, reference_outputs, where=where)
        with np.errstate(over="ignore"):  # an overflow is reported by plus_rows
            powers = _row_powers(reference), _row_powers(reference - candidate)
        signal = self._signal.plus_rows(powers[0], where=where)
        self._noise = self._noise.plus_rows(powers[1], where=where)
        self._signal = signal
        self._elements += reference.size

    def result(self) -> float:
        """Return the ratio in dB.

        Raises:
            MetricValueError: nothing was taken in, or the reference is zero everywhere.
        """
        if not self._elements:
            raise no_data(self, "result")
        signal, noise = self._signal.value(), self._noise.value()
        if signal == 0.0:
            raise MetricValueError(
                "The reference is zero everywhere", "SQNR.result", "check that the outputs are given as (candidate, reference)"
            )
        return math.inf if noise == 0.0 else 10.0 * (math.log10(signal) - math.log10(noise))

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
        """
        check_mergeable(self, other)
        self._signal = self._signal.merged(other._signal)
        self._noise = self._noise.merged(other._noise)
        self._elements += other._elements

    def _options(self) -> dict[str, object]:
        return {}


def sqnr(candidate_outputs: Any, reference_outputs: Any) -> float:
    """Return the signal-to-quantization-noise ratio of one batch in dB; see :class:`SQNR`."""
    metric = SQNR()
    metric.update(candidate_outputs, reference_outputs)
    return metric.result()


def _row_powers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = np.ascontiguousarray(values).reshape(len(values), -1)  # numpy's order of adding follows the memory's
    return np.asarray(np.square(rows).sum(axis=1))
