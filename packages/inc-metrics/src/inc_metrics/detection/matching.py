"""COCO's rule for which detection found which object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inc_metrics.detection.pairs import Groups, find_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

WRONG, RIGHT, IGNORED = np.uint8(0), np.uint8(1), np.uint8(2)
"""what became of a detection; an ignored one counts neither way"""

ALMOST_ONE = 1.0 - 1e-10
"""COCO lowers a threshold of 1.0 to this, so that boxes that are equal but for rounding match"""


def match_coco(
    groups: Groups, thresholds: NDArray[np.float64], ignored: NDArray[np.bool_], outside: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Let detections take objects, best score first.

    Each takes the free object that it overlaps most; of equal overlaps the later object. Only where none is left does it
    take an ignored one: one outside the area range once, a crowd any number of times. All groups are matched side by side,
    one detection of each at a time.

    Args:
        groups: detections and objects; excused objects are crowds.
        thresholds: least overlaps, shape ``(T,)``.
        ignored: objects that do not count, per area range, ``(A, G)``; crowds never do.
        outside: detections whose own area is outside, ``(A, N)``: not wrong when they take nothing.

    Returns:
        What became of each detection, shape ``(A, T, N)``.

    Source:
        Lin et al., ECCV 2014, arXiv:1405.0312; the order of preference is that of the evaluation code behind cocodataset.org.
    """
    outcomes = np.repeat(np.where(outside[:, np.newaxis, :], IGNORED, WRONG), len(thresholds), axis=1)
    crowd = groups.objects.excused
    limits = np.minimum(thresholds, ALMOST_ONE)[:, np.newaxis]
    pairs = find_pairs(groups, least=float(limits.min()), crowds=True)
    free = np.ones((len(ignored), len(limits), len(crowd)), dtype=np.bool_)
    turn = _turns(pairs.detection, groups)
    # Within a detection the last of the pairs that qualify is taken: the greatest overlap, then the latest object.
    order = np.lexsort((pairs.object, pairs.overlap, pairs.detection, turn))
    ends = np.searchsorted(turn[order], np.arange(1 + int(turn.max(initial=-1))), side="right")
    for rows in np.split(order, ends[:-1]) if len(ends) else ():
        detection, other = pairs.detection[rows], pairs.object[rows]
        heads = np.flatnonzero(np.diff(detection, prepend=-1))
        qualified = free[:, :, other] & (pairs.overlap[rows] >= limits)
        chosen = _choose(qualified, ignored[:, np.newaxis, other], heads)
        area, threshold, head = np.nonzero(chosen >= 0)
        taken = other[chosen[area, threshold, head]]
        outcomes[area, threshold, detection[heads[head]]] = np.where(ignored[area, taken], IGNORED, RIGHT)
        free[area, threshold, taken] = crowd[taken]
    return outcomes


def _turns(detection: NDArray[np.int64], groups: Groups) -> NDArray[np.int64]:
    """Number the detections of each group that have pairs, from 0 by falling score: those of one number do not compete."""
    heads = np.diff(detection, prepend=-1) != 0
    unique = detection[heads]
    leader = groups.first[unique]  # objects are shared exactly within a group
    position = np.arange(len(unique))
    turn = position - np.searchsorted(leader, leader)
    return np.asarray(np.repeat(turn, np.diff(np.flatnonzero(heads), append=len(detection))))


def _choose(qualified: NDArray[np.bool_], unwanted: NDArray[np.bool_], heads: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the last pair of each detection that qualifies, a wanted one if there is any, or -1.

    Args:
        qualified: pairs that are near enough and free, ``(A, T, P)``.
        unwanted: pairs with an ignored object, ``(A, 1, P)``.
        heads: where the pairs of each detection start, ``(D,)``.

    Returns:
        Shape ``(A, T, D)``.
    """
    position = np.arange(qualified.shape[-1], dtype=np.int32)
    wanted = np.maximum.reduceat(np.where(qualified & ~unwanted, position, np.int32(-1)), heads, axis=2)
    fallback = np.maximum.reduceat(np.where(qualified & unwanted, position, np.int32(-1)), heads, axis=2)
    return np.asarray(np.where(wanted >= 0, wanted, fallback))
