"""From ranked detections to points of the precision-recall curve."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from inc_metrics.detection.matching import IGNORED, RIGHT
from inc_metrics.errors import MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Interpolation(StrEnum):
    """How the area under the precision-recall curve is taken; precision is first made to fall with recall."""

    AREA = "area"
    """exactly"""
    ELEVEN_POINTS = "11-point"
    """mean of the precision at recall 0, 0.1 ... 1"""
    HUNDRED_ONE_POINTS = "101-point"
    """mean of the precision at recall 0, 0.01 ... 1"""


def parse_interpolation(value: Interpolation | str, *, where: str) -> Interpolation:
    """Return the interpolation called ``value``.

    Raises:
        MetricValueError: there is none of this name.
    """
    try:
        return Interpolation(value)
    except ValueError as error:
        raise MetricValueError(f"Unknown interpolation {value!r}", where, f"one of {', '.join(Interpolation)}") from error


def sample(
    outcomes: NDArray[np.uint8], starts: NDArray[np.int64], objects: NDArray[np.int64], points: NDArray[np.float64], *, single: bool
) -> NDArray[np.float64]:
    """Return the precision at given recalls, class by class.

    The precision at a recall is the best at this recall or more, 0 where it is never reached.

    Args:
        outcomes: what became of the detections, sorted by class and falling score, shape ``(T, N)`` for T overlap thresholds.
        starts: where each class starts in them, and the end, ``(K + 1,)``.
        objects: number of objects to be found per class, ``(K,)``.
        points: rising recalls ``(R,)``, or none for the exact area.
        single: round precision and recall to float32, as 1.x did.

    Returns:
        Shape ``(T, K, max(R, 1))``; zeros for a class without objects.
    """
    samples = np.zeros((len(outcomes), len(objects), max(len(points), 1)))
    for row, codes in zip(samples, outcomes, strict=True):
        counted = np.cumsum(codes != IGNORED)
        right = np.flatnonzero(codes == RIGHT)
        bounds = np.searchsorted(right, starts)
        before = np.concatenate(([0], counted))[starts]
        for label in np.flatnonzero((objects > 0) & (np.diff(bounds) > 0)):
            places = counted[right[bounds[label] : bounds[label + 1]]] - before[label]
            row[label] = _sample_class(places, int(objects[label]), points, single=single)
    return samples


def _sample_class(places: NDArray[np.int64], objects: int, points: NDArray[np.float64], *, single: bool) -> NDArray[np.float64]:
    """Sample one curve; ``places`` are the ranks from 1 of the right detections among those that count."""
    hits = np.arange(1, len(places) + 1)
    recall = hits / objects
    precision = hits / (places + np.spacing(1.0))  # COCO adds this; it shows only where one detection came first
    if single:
        recall, precision = recall.astype(np.float32).astype(np.float64), precision.astype(np.float32).astype(np.float64)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    if not len(points):
        return np.atleast_1d(np.diff(recall, prepend=0.0) @ envelope)
    return np.concatenate((envelope, [0.0]))[np.searchsorted(recall, points)]
