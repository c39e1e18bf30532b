"""Which detections overlap which objects: the common ground of all matching rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from inc_metrics.detection.boxes import overlap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inc_metrics.detection.images import Batch, Detections, Objects

_PAIRS_AT_ONCE = 1 << 17
"""bounds the memory for overlaps to some 20 MB, which also stays near the processor"""


class Groups(NamedTuple):
    """Detections and objects sorted by image, then class; detections then by falling score, else in order of arrival.

    What one image has of one class is a group: a detection is matched with the objects of its own group only.
    """

    detections: Detections
    objects: Objects
    rank: NDArray[np.int64]
    """of each detection among those of its group, from 0"""
    first: NDArray[np.int64]
    """where the objects of each detection's group start"""
    last: NDArray[np.int64]
    """and end, exclusively"""


class Pairs(NamedTuple):
    """Detections and objects of one group that overlap enough to matter, one row per pair, in the order of detections, then objects."""

    detection: NDArray[np.int64]
    object: NDArray[np.int64]
    overlap: NDArray[np.float64]


def group(batch: Batch, *, most: int) -> Groups:
    """Sort a batch, and leave out what ranks below the ``most`` best detections of its group."""
    detections, objects = batch.detections, batch.objects
    keys, object_keys = _keys(batch)
    order = np.lexsort((-detections.score, keys))
    keys = keys[order]
    rank = np.arange(len(keys)) - np.searchsorted(keys, keys)
    kept = rank < most
    order, keys, rank = order[kept], keys[kept], rank[kept]
    object_order = np.argsort(object_keys, kind="stable")
    object_keys = object_keys[object_order]
    return Groups(
        detections.rows(order),
        objects.rows(object_order),
        rank,
        np.searchsorted(object_keys, keys),
        np.searchsorted(object_keys, keys, side="right"),
    )


def find_pairs(groups: Groups, *, least: float, crowds: bool) -> Pairs:
    """Return the pairs that overlap by ``least`` or more; with ``crowds``, excused objects may be any part of what is detected."""
    counts = groups.last - groups.first
    ends = np.cumsum(counts)
    found: list[Pairs] = []
    start = 0
    while start < len(counts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS_AT_ONCE, side="right")))
        found.append(_pairs_of(groups, start, stop, least=least, crowds=crowds))
        start = stop
    if not found:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _keys(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the groups; labels stay below 2^31, so that no product leaves int64."""
    detections, objects = batch.detections, batch.objects
    classes = 1 + max((int(labels.max()) for labels in (detections.label, objects.label) if labels.size), default=0)
    return detections.image * classes + detections.label, objects.image * classes + objects.label


def _pairs_of(groups: Groups, start: int, stop: int, *, least: float, crowds: bool) -> Pairs:
    counts = (groups.last - groups.first)[start:stop]
    detection = np.repeat(np.arange(start, stop), counts)
    within = np.arange(len(detection)) - np.repeat(np.cumsum(counts) - counts, counts)
    other = groups.first[detection] + within
    crowd = groups.objects.excused[other] if crowds else np.zeros(len(other), dtype=np.bool_)
    values = overlap(groups.detections.box[detection], groups.objects.box[other], crowd)
    kept = values >= least
    return Pairs(detection[kept], other[kept], values[kept])
