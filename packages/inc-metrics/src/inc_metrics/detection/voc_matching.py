"""Pascal VOC's rule for which detection found which object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inc_metrics.detection.matching import IGNORED, RIGHT, WRONG
from inc_metrics.detection.pairs import Groups, find_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


def match_voc(groups: Groups, thresholds: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Judge each detection by the object that it overlaps most, free or not; of equal overlaps the earlier object.

    The best detection of an object is right and every further one wrong; a detection of a difficult object counts neither way.

    Args:
        groups: detections and objects; excused objects are difficult ones.
        thresholds: least overlaps, shape ``(T,)``.

    Returns:
        What became of each detection, shape ``(1, T, N)``.

    Source:
        Everingham et al., IJCV 88, 2010, section 4.2.2, and the development kit of 2012.
    """
    outcomes = np.full((1, len(thresholds), len(groups.rank)), WRONG)
    pairs = find_pairs(groups, least=float(thresholds.min()), crowds=False)
    # Pairs come by detection, then object: a stable sort by falling overlap puts each detection's first best object in front.
    order = np.lexsort((-pairs.overlap, pairs.detection))
    heads = order[np.flatnonzero(np.diff(pairs.detection[order], prepend=-1))]
    detection, other, best = pairs.detection[heads], pairs.object[heads], pairs.overlap[heads]
    for row, threshold in enumerate(thresholds):
        near = best >= threshold
        difficult = near & groups.objects.excused[other]
        outcomes[0, row, detection[difficult]] = IGNORED
        candidates = np.flatnonzero(near & ~difficult)
        _, first = np.unique(other[candidates], return_index=True)
        outcomes[0, row, detection[candidates[first]]] = RIGHT
    return outcomes
