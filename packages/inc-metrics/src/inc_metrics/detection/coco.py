"""Mean average precision by the rules of COCO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.detection.boxes import BoxFormat
from inc_metrics.detection.curve import Interpolation, parse_interpolation
from inc_metrics.detection.matching import match_coco
from inc_metrics.detection.mean_ap import CurvesOf, DetectionMetric, mean
from inc_metrics.detection.pairs import group
from inc_metrics.detection.ranking import Curves, Matched, curves
from inc_metrics.errors import MetricTypeError, MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inc_metrics.detection.images import Batch

THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""0.5, 0.55 ... 0.95 with COCO's own rounding"""

AREAS: Mapping[str, tuple[float, float]] = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""smallest and largest area in square pixels, both inclusive"""

_ALL = (0.0, 1e10)
_POINTS = {
    Interpolation.AREA: np.zeros(0),
    Interpolation.ELEVEN_POINTS: np.linspace(0.0, 1.0, 11),
    Interpolation.HUNDRED_ONE_POINTS: np.linspace(0.0, 1.0, 101),
}


class _Quantity(NamedTuple):
    """One number of the summary: which part of the outcomes it is counted from."""

    recall: bool
    area: int
    thresholds: NDArray[np.int64]
    most: int


class CocoMeanAP(DetectionMetric):
    """Mean average precision over classes and overlap thresholds, and the eleven other numbers of COCO's summary.

    ``update`` takes, per image, ``{"boxes": (N, 4), "scores": (N,), "labels": (N,)}`` and
    ``{"boxes": (M, 4), "labels": (M,)}``, the latter with ``iscrowd (M,)``, ``area (M,)`` and ``image_id`` where there are any.
    The area of an object is that of its box unless given. Images with equal scores are ranked by id where there are ids,
    otherwise in order of arrival.

    Args:
        classes: names to ids, names in the order of their ids, or None for any ids of 0 or more.
        box_format: of predictions and targets; areas are meant in pixels.
        thresholds: least overlaps that make a match, above 0 and up to 1.
        interpolation: how the area under a precision-recall curve is taken.
        areas: smallest and largest area of further summaries, by name; objects outside are ignored in them.
        max_detections: how many detections per image and class count, rising; precision uses the last.
        value: which number of :meth:`summary` is the result.

    Raises:
        MetricValueError, MetricTypeError: an option that makes no sense.

    Source:
        Lin et al., ECCV 2014, arXiv:1405.0312; https://cocodataset.org/#detection-eval
    """

    name: ClassVar[str] = "coco-mean-ap"
    _excuse: ClassVar[str] = "iscrowd"
    _single: ClassVar[bool] = False
    """whether the points of precision-recall curves are rounded to float32"""

    def __init__(
        self,
        *,
        classes: Mapping[str, int] | Sequence[str] | None = None,
        box_format: BoxFormat | str = BoxFormat.XYXY,
        thresholds: Sequence[float] = THRESHOLDS,
        interpolation: Interpolation | str = Interpolation.HUNDRED_ONE_POINTS,
        areas: Mapping[str, tuple[float, float]] = AREAS,
        max_detections: Sequence[int] = (1, 10, 100),
        value: str = "map",
    ) -> None:
        where = type(self).__name__
        self._thresholds = parse_thresholds(thresholds, where=f"{where}(thresholds)")
        self._interpolation = parse_interpolation(interpolation, where=f"{where}(interpolation)")
        self._areas = _parse_areas(areas, where=f"{where}(areas)")
        self._most = _parse_counts(max_detections, where=f"{where}(max_detections)")
        self._quantities = self._summary_quantities()
        if not isinstance(value, str) or value not in self._quantities:
            raise MetricValueError(f"Unknown value {value!r}", f"{where}(value)", f"one of {', '.join(self._quantities)}")
        self._result = value
        super().__init__(classes=classes, box_format=box_format)

    def summary(self) -> dict[str, float]:
        """Return all numbers by name, NaN where no object is in the area range (pycocotools prints -1).

        With the options' defaults these are, in COCO's order: ``map``, ``map_50``, ``map_75``, ``map_small``, ``map_medium``,
        ``map_large``, ``mar_1``, ``mar_10``, ``mar_100``, ``mar_small``, ``mar_medium``, ``mar_large``.

        Raises:
            MetricValueError: no image was taken in.
        """
        ranking = self._ranking("summary")

        def curves_of(area: int, thresholds: NDArray[np.int64]) -> Curves:
            return curves(ranking, area, thresholds)

        return {name: mean(self._measured(quantity, curves_of)) for name, quantity in self._quantities.items()}

    def _match(self, batch: Batch) -> Matched:
        groups = group(batch, most=self._most[-1])
        low, high = np.array(list(self._areas.values())).T[:, :, np.newaxis]
        detections, objects = groups.detections, groups.objects
        ignored = objects.excused | (objects.area < low) | (objects.area > high)
        area = detections.box[:, 2] * detections.box[:, 3]
        outcomes = match_coco(groups, np.array(self._thresholds), ignored, (area < low) | (area > high))
        return Matched(
            batch.images, detections.image, detections.label, detections.score, groups.rank, outcomes, objects.image, objects.label, ignored
        )

    def _measure(self, curves_of: CurvesOf) -> NDArray[np.float64]:
        return self._measured(self._quantities[self._result], curves_of)

    def _measured(self, quantity: _Quantity, curves_of: CurvesOf) -> NDArray[np.float64]:
        found = curves_of(quantity.area, quantity.thresholds)
        if quantity.recall:
            return found.recall(quantity.most)
        return found.precision(quantity.most, _POINTS[self._interpolation], single=self._single)

    def _options(self) -> dict[str, object]:
        own = {
            "thresholds": self._thresholds,
            "interpolation": self._interpolation.value,
            "areas": tuple(self._areas.items()),
            "max_detections": self._most,
            "value": self._result,
        }
        return {**own, **super()._options()}

    def _summary_quantities(self) -> dict[str, _Quantity]:
        every = np.arange(len(self._thresholds))
        last = self._most[-1]
        named = {"map": _Quantity(False, 0, every, last)}
        for threshold in (0.5, 0.75):
            row = np.flatnonzero(np.array(self._thresholds) == threshold)
            if row.size:
                named[f"map_{threshold * 100:.0f}"] = _Quantity(False, 0, row, last)
        further = [(number, area) for number, area in enumerate(self._areas) if number]
        named |= {f"map_{area}": _Quantity(False, number, every, last) for number, area in further}
        named |= {f"mar_{most}": _Quantity(True, 0, every, most) for most in self._most}
        named |= {f"mar_{area}": _Quantity(True, number, every, last) for number, area in further}
        return named


def coco_mean_ap(
    predictions: Any,
    targets: Any,
    *,
    classes: Mapping[str, int] | Sequence[str] | None = None,
    box_format: BoxFormat | str = BoxFormat.XYXY,
    thresholds: Sequence[float] = THRESHOLDS,
    interpolation: Interpolation | str = Interpolation.HUNDRED_ONE_POINTS,
    areas: Mapping[str, tuple[float, float]] = AREAS,
    max_detections: Sequence[int] = (1, 10, 100),
    value: str = "map",
) -> float:
    """Return COCO's mean average precision of some images, or another number of its summary; see :class:`CocoMeanAP`."""
    metric = CocoMeanAP(
        classes=classes,
        box_format=box_format,
        thresholds=thresholds,
        interpolation=interpolation,
        areas=areas,
        max_detections=max_detections,
        value=value,
    )
    metric.update(predictions, targets)
    return metric.result()


def parse_thresholds(thresholds: Any, *, where: str) -> tuple[float, ...]:
    """Return overlap thresholds as floats.

    Raises:
        MetricValueError: none, or one that is not above 0 and up to 1.
        MetricTypeError: no numbers.
    """
    values = as_array(thresholds, where=where)
    if values.ndim != 1 or not values.size:
        raise MetricValueError(f"The thresholds have shape {values.shape}", where, "give at least one, in a list")
    unusable = ~((values > 0.0) & (values <= 1.0))
    if unusable.any():
        raise MetricValueError(f"The threshold {values[unusable][0]} is no overlap", where, "overlaps are above 0 and up to 1")
    return tuple(values.astype(np.float64).tolist())


def _parse_areas(areas: Mapping[str, tuple[float, float]], *, where: str) -> dict[str, tuple[float, float]]:
    if not isinstance(areas, Mapping):
        raise MetricTypeError(f"The areas are a {type(areas).__name__}", where, "give {name: (smallest, largest), ...}")
    parsed = {"all": _ALL}
    for name, bounds in areas.items():
        values = as_array(bounds, where=f"{where}, {name}")
        if values.shape != (2,) or not values[0] <= values[1]:
            raise MetricValueError(f"The area {name!r} is {bounds!r}", where, "give the smallest and the largest area")
        if str(name) in ("all", "50", "75"):
            raise MetricValueError(f"An area is called {name!r}", where, "this name has a meaning already; choose another")
        parsed[str(name)] = (float(values[0]), float(values[1]))
    return parsed


def _parse_counts(counts: Sequence[int], *, where: str) -> tuple[int, ...]:
    values = as_array(counts, where=where)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "iu" or values[0] < 1 or (np.diff(values) <= 0).any():
        raise MetricValueError(f"max_detections is {counts!r}", where, "give whole numbers of 1 or more, each greater than the one before")
    return tuple(values.tolist())
