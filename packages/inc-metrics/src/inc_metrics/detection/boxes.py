"""Boxes: the conventions they come in, and the one that is computed with."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.errors import MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BoxFormat(StrEnum):
    """What the four numbers of a box are; pixels or fractions of the image alike."""

    XYXY = "xyxy"
    """left, top, right, bottom"""
    XYXY_INCLUSIVE = "xyxy-inclusive"
    """indices of the first and the last pixel inside, as in Pascal VOC's annotations: width = right - left + 1"""
    XYWH = "xywh"
    """left, top, width, height, as in COCO's annotations"""
    YXYX = "yxyx"
    """top, left, bottom, right, as TensorFlow's detection models give them"""


def parse_box_format(value: BoxFormat | str, *, where: str) -> BoxFormat:
    """Return the box format called ``value``.

    Raises:
        MetricValueError: there is none of this name.
    """
    try:
        return BoxFormat(value)
    except ValueError as error:
        raise MetricValueError(f"Unknown box format {value!r}", where, f"one of {', '.join(BoxFormat)}") from error


def to_xywh(boxes: NDArray[Any], box_format: BoxFormat) -> NDArray[np.float64]:
    """Return boxes ``(N, 4)`` as left, top, width, height in float64, the numbers that COCO's evaluation computes with."""
    values = boxes.astype(np.float64)
    if box_format is BoxFormat.XYWH:
        return values
    if box_format is BoxFormat.YXYX:
        values = np.ascontiguousarray(values[:, [1, 0, 3, 2]])
    values[:, 2:] -= values[:, :2]
    if box_format is BoxFormat.XYXY_INCLUSIVE:
        values[:, 2:] += 1.0
    return values


def overlap(boxes: NDArray[np.float64], others: NDArray[np.float64], crowd: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the intersection over union of row with row; where ``crowd``, over the area of the first box alone.

    Args:
        boxes: left, top, width, height, shape ``(P, 4)``.
        others: the same, ``(P, 4)``.
        crowd: whether the second box stands for a crowd that the first may be any part of, ``(P,)``.

    Returns:
        Values from 0 to 1, shape ``(P,)``, computed in the order of operations of COCO's own evaluation.
    """
    left, top, width, height = boxes.T
    other_left, other_top, other_width, other_height = others.T
    across = np.minimum(width + left, other_width + other_left) - np.maximum(left, other_left)
    down = np.minimum(height + top, other_height + other_top) - np.maximum(top, other_top)
    shared = np.where((across > 0.0) & (down > 0.0), across * down, 0.0)
    area = width * height
    union = np.where(crowd, area, area + other_width * other_height - shared)
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0.0))
