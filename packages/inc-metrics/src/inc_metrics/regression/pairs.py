"""Two sides that are compared element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, finite_float64, shapes_differ
from inc_metrics.errors import MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _outputs_side_by_side(predictions: Any, targets: Any, *, where: str) -> tuple[Any, Any]:
    """Turn the outputs of a model that has several of unequal shapes into one column per element, other arguments stay as they are."""
    sides = predictions, targets
    if not all(isinstance(side, (list, tuple)) and side and all(getattr(output, "shape", ()) for output in side) for side in sides):
        return sides
    shapes = [tuple(output.shape) for output in predictions], [tuple(output.shape) for output in targets]
    if len(set(shapes[0])) == 1:
        return sides
    if shapes[0] != shapes[1] or len({shape[0] for shape in shapes[0]}) != 1:
        fix = "give outputs with one row per sample, each with a target of its shape"
        raise MetricValueError(f"Shapes do not match: predictions {shapes[0]}, targets {shapes[1]}", where, fix)
    rows = ([as_array(output, where=where).reshape(shape[0], -1) for output, shape in zip(side, shapes[0], strict=True)] for side in sides)
    left, right = (np.concatenate(columns, axis=1) for columns in rows)
    return left, right


def matching_float64(predictions: Any, targets: Any, *, where: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both sides in float64 and in one shape ``(N, ...)``.

    A column ``(N, 1)`` fits ``(N,)``; nothing else is broadcast. Lists of arrays of unequal shapes ``(N, ...)`` are the outputs of one
    model, side by side in the result, as in 1.x; arrays of one shape are a list of samples.

    Raises:
        MetricValueError: unequal shapes, an empty batch, NaN or infinite values.
        MetricTypeError: no numbers.
    """
    predictions, targets = _outputs_side_by_side(predictions, targets, where=where)
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
