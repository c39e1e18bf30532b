"""Checks that every metric makes on a batch before it takes it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.errors import MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_LABEL = 2**53
"""up to here every whole number has a float64 of its own, and none wraps around in int64"""


def align(predictions: NDArray[Any], targets: NDArray[Any], *, where: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give a single sample its batch axis and check that both sides hold the same number of samples.

    A scalar target marks a single sample; its prediction may come with a batch axis of one, shape ``(1, C)``, or without.

    Raises:
        MetricValueError: nothing in the batch, or unequal numbers of samples.
    """
    if targets.ndim == 0:
        has_batch_axis = predictions.ndim == 2 and predictions.shape[0] == 1
        predictions, targets = (predictions if has_batch_axis else predictions[np.newaxis]), targets[np.newaxis]
    if predictions.size == 0 or targets.size == 0:
        raise MetricValueError(
            f"The batch is empty: predictions {predictions.shape}, targets {targets.shape}", where, "leave out empty batches"
        )
    if predictions.ndim == 0 or len(predictions) != len(targets):
        raise shapes_differ(predictions, targets, where=where)
    return predictions, targets


def shapes_differ(
    predictions: NDArray[Any], targets: NDArray[Any], *, where: str, fix: str = "give one target per prediction"
) -> MetricValueError:
    """Return the error for two sides that do not fit, with both shapes."""
    return MetricValueError(f"Shapes do not match: predictions {predictions.shape}, targets {targets.shape}", where, fix)


def check_scores(scores: NDArray[Any], *, where: str) -> None:
    """Refuse NaN; infinities are allowed, they are how logits are masked.

    Raises:
        MetricValueError: a score is NaN.
    """
    if scores.dtype.kind == "f" and np.isnan(np.min(scores)):  # the minimum is NaN when any score is, and needs no array of booleans
        count = int(np.count_nonzero(np.isnan(scores)))
        raise MetricValueError(f"{count} of {scores.size} scores are NaN", where, "find the operator that produces NaN; it has no rank")


def finite_float64(values: NDArray[Any], *, where: str) -> NDArray[np.float64]:
    """Return ``values`` in float64.

    Raises:
        MetricValueError: a value is NaN or infinite.
    """
    if values.dtype.kind == "f" and not (np.isfinite(np.min(values)) and np.isfinite(np.max(values))):
        count = int(np.count_nonzero(~np.isfinite(values)))
        raise MetricValueError(f"{count} of {values.size} values are NaN or infinite", where, "find the operator that produces them")
    return values.astype(np.float64)


def as_labels(values: NDArray[Any], *, classes: int | None, where: str) -> NDArray[np.int64]:
    """Return class indices as int64; floats are accepted when they are whole.

    Args:
        values: any shape.
        classes: number of classes, or None when only the lower bound 0 is known.
        where: used in error messages only.

    Raises:
        MetricValueError: a label is not a whole number or outside ``[0, classes)``.
    """
    if values.dtype.kind == "f":
        fractional = ~np.isfinite(values) | (values != np.floor(values))
        if fractional.any():
            raise MetricValueError(
                f"A label is {values[fractional][0]}, which is no class index",
                where,
                "give whole numbers, or scores with one column per class",
            )
    smallest, largest = int(values.min()), int(values.max())
    last = LARGEST_LABEL if classes is None else min(classes - 1, LARGEST_LABEL)
    if smallest < 0 or largest > last:
        wrong = smallest if smallest < 0 else largest
        allowed = f"from 0 to {last}" if classes is not None or largest > last else "0 or more"
        shown = str(wrong) if abs(wrong) < 2**64 else f"{float(wrong):g}"
        raise MetricValueError(f"Label {shown} is outside the classes", where, f"labels are {allowed}; shift them or drop the samples")
    return values.astype(np.int64)
