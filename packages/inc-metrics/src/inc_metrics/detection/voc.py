"""Mean average precision by the rules of Pascal VOC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.detection.boxes import BoxFormat
from inc_metrics.detection.coco import parse_thresholds
from inc_metrics.detection.curve import Interpolation, parse_interpolation
from inc_metrics.detection.mean_ap import CurvesOf, DetectionMetric
from inc_metrics.detection.pairs import group
from inc_metrics.detection.ranking import Matched
from inc_metrics.detection.voc_matching import match_voc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inc_metrics.detection.images import Batch

_EVERY = int(np.iinfo(np.int64).max)
_POINTS = {  # tenths and hundredths rounded once, so that 3 of 10 objects reach a recall of 0.3
    Interpolation.AREA: np.zeros(0),
    Interpolation.ELEVEN_POINTS: np.arange(11) / 10,
    Interpolation.HUNDRED_ONE_POINTS: np.arange(101) / 100,
}


class VocMeanAP(DetectionMetric):
    """Mean average precision over classes at one overlap threshold.

    ``update`` takes, per image, ``{"boxes": (N, 4), "scores": (N,), "labels": (N,)}`` and
    ``{"boxes": (M, 4), "labels": (M,)}``, the latter with ``difficult (M,)`` and ``image_id`` where there are any.
    Unlike COCO's, a detection whose best object is taken is wrong even where another object overlaps enough.

    Args:
        classes: names to ids, names in the order of their ids, or None for any ids of 0 or more.
        box_format: of predictions and targets; the development kit's numbers come from ``"xyxy-inclusive"``.
        threshold: least overlap that makes a match.
        interpolation: ``"area"`` since the challenge of 2010, ``"11-point"`` before.

    Raises:
        MetricValueError, MetricTypeError: an option that makes no sense.

    Source:
        Everingham et al., IJCV 88, 2010, section 4.2; the area since the development kit of 2010.
    """

    name: ClassVar[str] = "voc-mean-ap"
    _excuse: ClassVar[str] = "difficult"

    def __init__(
        self,
        *,
        classes: Mapping[str, int] | Sequence[str] | None = None,
        box_format: BoxFormat | str = BoxFormat.XYXY,
        threshold: float = 0.5,
        interpolation: Interpolation | str = Interpolation.AREA,
    ) -> None:
        where = type(self).__name__
        self._threshold = parse_thresholds([threshold], where=f"{where}(threshold)")
        self._interpolation = parse_interpolation(interpolation, where=f"{where}(interpolation)")
        super().__init__(classes=classes, box_format=box_format)

    def _match(self, batch: Batch) -> Matched:
        groups = group(batch, most=_EVERY)
        detections, objects = groups.detections, groups.objects
        outcomes = match_voc(groups, np.array(self._threshold))
        ignored = objects.excused[np.newaxis]
        return Matched(
            batch.images, detections.image, detections.label, detections.score, groups.rank, outcomes, objects.image, objects.label, ignored
        )

    def _measure(self, curves_of: CurvesOf) -> NDArray[np.float64]:
        return curves_of(0, np.zeros(1, dtype=np.int64)).precision(_EVERY, _POINTS[self._interpolation], single=False)

    def _options(self) -> dict[str, object]:
        return {"threshold": self._threshold, "interpolation": self._interpolation.value, **super()._options()}


def voc_mean_ap(
    predictions: Any,
    targets: Any,
    *,
    classes: Mapping[str, int] | Sequence[str] | None = None,
    box_format: BoxFormat | str = BoxFormat.XYXY,
    threshold: float = 0.5,
    interpolation: Interpolation | str = Interpolation.AREA,
) -> float:
    """Return Pascal VOC's mean average precision of some images; see :class:`VocMeanAP`."""
    metric = VocMeanAP(classes=classes, box_format=box_format, threshold=threshold, interpolation=interpolation)
    metric.update(predictions, targets)
    return metric.result()
