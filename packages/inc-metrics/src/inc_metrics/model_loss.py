"""The model's own loss as a metric."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import finite_float64, shapes_differ
from inc_metrics.errors import MetricValueError
from inc_metrics.sample_mean import SampleMean


class Reduction(StrEnum):
    """What was done to the losses of a batch before they came here."""

    NONE = "none"
    MEAN = "mean"
    SUM = "sum"


class Loss(SampleMean):
    """Mean loss per sample, from losses that the model or its criterion has computed.

    Args:
        reduction: ``none`` for losses of shape ``(N, ...)``, of which each sample's elements add up; ``mean`` or ``sum`` for one
            number per batch.
        keep_samples: keep each sample's loss for ``samples()``; needs ``reduction="none"``.
    """

    name: ClassVar[str] = "loss"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, *, reduction: Reduction | str = Reduction.NONE, keep_samples: bool = False) -> None:
        try:
            self._reduction = Reduction(reduction)
        except ValueError as error:
            raise MetricValueError(f"Unknown reduction {reduction!r}", "Loss(reduction)", f"one of {', '.join(Reduction)}") from error
        if keep_samples and self._reduction is not Reduction.NONE:
            raise MetricValueError("A reduced loss has no values per sample", "Loss(keep_samples)", 'use reduction="none"')
        super().__init__(keep_samples=keep_samples)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in the losses of one batch.

        Args:
            predictions: losses ``(N, ...)``, or one number.
            targets: anything with one entry per sample, such as the labels; only their number matters.

        Raises:
            MetricValueError: unequal numbers of samples, an empty batch, or NaN or infinite losses.
            MetricTypeError: no numbers.
        """
        where = "Loss.update"
        losses, labels = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        samples = len(labels) if labels.ndim else 1
        if not (losses.size and samples):
            what = f"The batch is empty: losses {losses.shape}, targets {labels.shape}"
            raise MetricValueError(what, where, "leave out empty batches")
        losses = finite_float64(losses, where=f"{where}(predictions)")
        if self._reduction is Reduction.NONE:
            rows = losses.reshape(1, -1) if losses.ndim == 0 else losses.reshape(len(losses), -1)
            if len(rows) != samples:
                fix = 'give one loss per sample, or set reduction="mean" or "sum"'
                raise shapes_differ(losses, labels, where=where, fix=fix)
            with np.errstate(over="ignore"):  # an overflow is reported by _take
                sums = np.ascontiguousarray(rows).sum(axis=1)  # numpy's order of adding follows the memory's
            self._take(sums, where=where)
            return
        if losses.size != 1:
            raise shapes_differ(losses, labels, where=where, fix='give one number per batch, or set reduction="none"')
        total = losses.reshape(1) * (samples if self._reduction is Reduction.MEAN else 1)
        self._take_sums(total, np.int64(samples), where=where)

    def _options(self) -> dict[str, object]:
        return {"reduction": self._reduction, **super()._options()}


def loss(predictions: Any, targets: Any, *, reduction: Reduction | str = Reduction.NONE) -> float:
    """Return the mean loss per sample of one batch; see :class:`Loss`."""
    metric = Loss(reduction=reduction)
    metric.update(predictions, targets)
    return metric.result()
