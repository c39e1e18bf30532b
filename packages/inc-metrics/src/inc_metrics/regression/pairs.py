"""Two sides that are compared element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, finite_float64, shapes_differ

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def matching_float64(predictions: Any, targets: Any, *, where: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both sides in float64 and in one shape ``(N, ...)``.

    A column ``(N, 1)`` fits ``(N,)``; nothing else is broadcast.

    Raises:
        MetricValueError: unequal shapes, an empty batch, NaN or infinite values.
        MetricTypeError: no numbers.
    """
    left, right = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
    if left.ndim == 0 and right.ndim == 0:
        left, right = left.reshape(1), right.reshape(1)
    left, right = align(left, right, where=where)
    if abs(left.ndim - right.ndim) == 1 and 1 in (left.shape[-1], right.shape[-1]) and left.size == right.size:
        shape = min(left.shape, right.shape, key=len)
        left, right = left.reshape(shape), right.reshape(shape)
    if left.shape != right.shape:
        raise shapes_differ(left, right, where=where, fix="give both sides in one shape")
    return finite_float64(left, where=f"{where}(predictions)"), finite_float64(right, where=f"{where}(targets)")
