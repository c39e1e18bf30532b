"""What is kept of images once they are matched, in the order that curves need; any choice of the images can be drawn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from inc_metrics.detection.curve import sample
from inc_metrics.detection.matching import RIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Matched(NamedTuple):
    """Images after matching: no boxes any more, A x T bytes per detection for A area ranges and T thresholds."""

    images: int
    image: NDArray[np.int64]
    """of each detection, ``(N,)``"""
    label: NDArray[np.int64]
    score: NDArray[np.float64]
    rank: NDArray[np.int64]
    """among the detections of one image and class, from 0"""
    outcomes: NDArray[np.uint8]
    """``(A, T, N)``"""
    object_image: NDArray[np.int64]
    """of each object, ``(G,)``"""
    object_label: NDArray[np.int64]
    ignored: NDArray[np.bool_]
    """``(A, G)``"""


class Ranking(NamedTuple):
    """Matched images sorted by class, then falling score, then image; classes are numbered from 0."""

    labels: NDArray[np.int64]
    """of the classes that have objects, ``(K,)``"""
    starts: NDArray[np.int64]
    """where the detections of each class start, and the end, ``(K + 1,)``"""
    image: NDArray[np.int64]
    rank: NDArray[np.int64]
    outcomes: NDArray[np.uint8]
    run: NDArray[np.int64]
    """number of each detection's run: those of one class and image with one score"""
    tied: NDArray[np.bool_]
    """whether the run has more than one"""
    object_image: NDArray[np.int64]
    object_class: NDArray[np.int64]
    ignored: NDArray[np.bool_]


class Curves(NamedTuple):
    """What precision and recall are counted from, for one area range and some thresholds."""

    outcomes: NDArray[np.uint8]
    """``(T, N)``"""
    rank: NDArray[np.int64]
    starts: NDArray[np.int64]
    objects: NDArray[np.int64]
    """number of objects to find per class, ``(K,)``"""

    def precision(self, most: int, points: NDArray[np.float64], *, single: bool) -> NDArray[np.float64]:
        """Return the average precision per threshold and class, ``(T, K)``, NaN without objects; see :func:`curve.sample`."""
        kept = self.rank < most
        outcomes, starts = self.outcomes, self.starts
        if not kept.all():
            outcomes = np.ascontiguousarray(outcomes[:, kept])
            starts = np.concatenate(([0], np.cumsum(kept)))[starts]
        samples = sample(outcomes, starts, self.objects, points, single=single)
        return np.asarray(np.where(self.objects > 0, samples.mean(axis=2), np.nan))

    def recall(self, most: int) -> NDArray[np.float64]:
        """Return the part of the objects that was found, ``(T, K)``, NaN without objects."""
        found = (self.outcomes == RIGHT) & (self.rank < most)
        totals = np.concatenate((np.zeros((len(found), 1), np.int64), np.cumsum(found, axis=1)), axis=1)[:, self.starts]
        empty = np.full((len(found), len(self.objects)), np.nan)
        return np.asarray(np.divide(np.diff(totals, axis=1), self.objects, out=empty, where=self.objects > 0))


def join(parts: Sequence[Matched], place: NDArray[np.int64]) -> Matched:
    """Return all parts as one; ``place`` is the number that each image gets, in order of arrival, or -1 to leave it out."""
    columns = [np.concatenate(column, axis=-1) for column in zip(*(part[1:] for part in parts), strict=True)]
    joined = Matched(1 + int(place.max(initial=-1)), *columns)
    offsets = np.cumsum([0, *(part.images for part in parts)])
    image = place[joined.image + np.repeat(offsets[:-1], [len(part.image) for part in parts])]
    object_image = place[joined.object_image + np.repeat(offsets[:-1], [len(part.object_image) for part in parts])]
    joined = joined._replace(image=image, object_image=object_image)
    return joined if (place >= 0).all() else _without(joined, image >= 0, object_image >= 0)


def _without(matched: Matched, kept: NDArray[np.bool_], kept_objects: NDArray[np.bool_]) -> Matched:
    return matched._replace(
        image=matched.image[kept],
        label=matched.label[kept],
        score=matched.score[kept],
        rank=matched.rank[kept],
        outcomes=matched.outcomes[:, :, kept],
        object_image=matched.object_image[kept_objects],
        object_label=matched.object_label[kept_objects],
        ignored=matched.ignored[:, kept_objects],
    )


def rank(matched: Matched) -> Ranking:
    """Sort detections for the curves; equal scores by image number, then as they came."""
    labels, object_class = np.unique(matched.object_label, return_inverse=True)
    position = np.searchsorted(labels, matched.label)
    known = np.flatnonzero(np.append(labels, -1)[position] == matched.label)  # without objects a class has no curve
    order = known[np.lexsort((matched.rank[known], matched.image[known], -matched.score[known], position[known]))]
    classes, image, score = position[order], matched.image[order], matched.score[order]
    same = np.zeros(len(order), dtype=np.bool_)
    same[1:] = (score[1:] == score[:-1]) & (image[1:] == image[:-1]) & (classes[1:] == classes[:-1])
    return Ranking(
        labels=labels,
        starts=np.searchsorted(classes, np.arange(len(labels) + 1)),
        image=image,
        rank=matched.rank[order],
        outcomes=np.ascontiguousarray(matched.outcomes[:, :, order]),
        run=np.cumsum(~same),
        tied=same | np.append(same[1:], False),
        object_image=matched.object_image,
        object_class=object_class,
        ignored=matched.ignored,
    )


def curves(ranking: Ranking, area: int, thresholds: NDArray[np.int64]) -> Curves:
    """Return what the curves of all images are counted from."""
    objects = np.bincount(ranking.object_class[~ranking.ignored[area]], minlength=len(ranking.labels))
    return Curves(ranking.outcomes[area][thresholds], ranking.rank, ranking.starts, objects)


def drawn_curves(ranking: Ranking, area: int, thresholds: NDArray[np.int64], weights: NDArray[np.int64]) -> Curves:
    """Return the same for images that count as often as ``weights (images,)`` says, as if copies followed one another."""
    repeats = weights[ranking.image]
    order = np.repeat(np.arange(len(repeats)), repeats)
    _alternate(order, repeats, ranking)
    starts = np.concatenate(([0], np.cumsum(repeats)))[ranking.starts]
    wanted = ~ranking.ignored[area]
    objects = np.bincount(ranking.object_class[wanted], weights[ranking.object_image[wanted]], len(ranking.labels))
    outcomes = np.take(ranking.outcomes[area][thresholds], order, axis=1)
    return Curves(outcomes, ranking.rank[order], starts, objects.astype(np.int64))


def _alternate(order: NDArray[np.int64], repeats: NDArray[np.int64], ranking: Ranking) -> None:
    """Within a run that is repeated, put the first copies of all its detections before the second ones."""
    mixed = np.flatnonzero(ranking.tied[order] & (repeats[order] > 1))
    rows = order[mixed]
    copy = mixed - (np.cumsum(repeats) - repeats)[rows]
    order[mixed] = rows[np.lexsort((copy, ranking.run[rows]))]
