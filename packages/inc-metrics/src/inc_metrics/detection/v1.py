"""The detection metrics of 1.x, with the numbers that 1.x gave.

They differ from :class:`CocoMeanAP` and :class:`VocMeanAP` in this:

* Batches are tuples of lists: predictions ``(boxes, scores, classes)`` or ``(num_detections, boxes, scores, classes)``, labels
  ``(boxes, names, ids, image_ids)``, where of names and ids one is empty. Boxes are top, left, bottom, right.
* What is none of COCO's 80 classes is dropped, on both sides, even where ``anno_path`` names others; names map to ids.
* An image whose id was seen before is dropped. Crowds are not known. Sizes and areas of boxes have the rounding of their dtype.
* ``VOCmAP`` matches as COCO does, and precision and recall are rounded to float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.detection.boxes import BoxFormat
from inc_metrics.detection.class_names import coco_classes, read_class_names
from inc_metrics.detection.coco import THRESHOLDS, CocoMeanAP
from inc_metrics.detection.curve import Interpolation
from inc_metrics.detection.labels import ClassMap
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import real_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEYS = {
    "DetectionBoxes_Precision/mAP": "map",
    "DetectionBoxes_Precision/mAP@.50IOU": "map_50",
    "DetectionBoxes_Precision/mAP@.75IOU": "map_75",
    "DetectionBoxes_Precision/mAP (small)": "map_small",
    "DetectionBoxes_Precision/mAP (medium)": "map_medium",
    "DetectionBoxes_Precision/mAP (large)": "map_large",
    "DetectionBoxes_Recall/AR@1": "mar_1",
    "DetectionBoxes_Recall/AR@10": "mar_10",
    "DetectionBoxes_Recall/AR@100": "mar_100",
    "DetectionBoxes_Recall/AR@100 (small)": "mar_small",
    "DetectionBoxes_Recall/AR@100 (medium)": "mar_medium",
    "DetectionBoxes_Recall/AR@100 (large)": "mar_large",
}
_COCO_THRESHOLDS = "0.5:0.05:0.95"
_POINTS = {0: Interpolation.AREA, 11: Interpolation.ELEVEN_POINTS, 101: Interpolation.HUNDRED_ONE_POINTS}
_KNOWN = np.array(sorted(coco_classes().values()), dtype=np.int64)

ClassNames = str | PathLike[str] | Mapping[str, int] | None


class V1MAP(CocoMeanAP):
    """``mAP`` of 1.x.

    Args:
        anno_path: file with a line ``name: id`` per class, or the mapping itself; None for COCO's names.
        iou_thrs: one least overlap, or ``'0.5:0.05:0.95'``.
        map_points: 0 for the exact area, 11 or 101.
        map_key: which number; the keys are those of 1.x.

    Raises:
        MetricValueError, MetricTypeError: an option that makes no sense. With ``map_points=0`` 1.x gave a recall of 1 whatever
            the model did: such a key is refused.
    """

    name: ClassVar[str] = "map"
    _single: ClassVar[bool] = True

    def __init__(
        self,
        anno_path: ClassNames = None,
        iou_thrs: float | str = 0.5,
        map_points: int = 0,
        map_key: str = "DetectionBoxes_Precision/mAP",
    ) -> None:
        where = type(self).__name__
        if not isinstance(map_key, str) or map_key not in _KEYS:
            raise MetricValueError(f"Unknown map_key {map_key!r}", f"{where}(map_key)", f"one of {', '.join(_KEYS)}")
        if not isinstance(map_points, int) or map_points not in _POINTS:
            raise MetricValueError(f"map_points is {map_points!r}", f"{where}(map_points)", "0 for the exact area, 11 or 101")
        if map_points == 0 and _KEYS[map_key].startswith("mar"):
            raise MetricValueError(
                f"{map_key!r} was always 1 with map_points 0", f"{where}(map_key)", "set map_points to 101, which leaves recall right"
            )
        names = coco_classes() if anno_path is None else read_class_names(anno_path, where=f"{where}(anno_path)")
        self._names = ClassMap(names, where=f"{where}(anno_path)")
        super().__init__(
            box_format=BoxFormat.XYWH,
            thresholds=_parse_thresholds(iou_thrs, f"{where}(iou_thrs)"),
            interpolation=_POINTS[map_points],
            value=_KEYS[map_key],
        )

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in a batch in the layout of 1.x.

        Raises:
            MetricValueError: another layout, unequal lengths, NaN, a negative size, an unknown name.
            MetricTypeError: no sequences, no numbers.
        """
        where = f"{type(self).__name__}.update"
        columns = self._columns(_sequence(predictions, f"{where}(predictions)"), where=f"{where}(predictions)")
        images = list(zip(*(_sequence(column, f"{where}(predictions)") for column in columns), strict=False))
        found = [_detections(*image, where=f"{where}(predictions), image {number}") for number, image in enumerate(images)]
        super().update(found, self._objects(_sequence(targets, f"{where}(labels)"), f"{where}(labels)"))

    def _columns(self, predictions: Sequence[Any], *, where: str) -> tuple[Any, Any, Any, Any]:
        """Return the columns (counts, boxes, scores, classes); counts are None where all rows count."""
        if len(predictions) not in (3, 4):
            fix = "give (boxes, scores, classes) or (num_detections, boxes, scores, classes)"
            raise MetricValueError(f"The predictions are {len(predictions)} lists", where, fix)
        boxes, scores, classes = (_sequence(column, where) for column in predictions[-3:])
        counts = [None] * len(boxes) if len(predictions) == 3 else predictions[0]
        return counts, boxes, scores, classes

    def _objects(self, labels: Sequence[Any], where: str) -> list[dict[str, Any]]:
        if len(labels) != 4:
            raise MetricValueError(f"The labels are {len(labels)} lists", where, "give (boxes, names, ids, image_ids)")
        boxes, names, numbers, identifiers = (_sequence(column, where) for column in labels)
        if len(boxes) != len(identifiers):
            raise MetricValueError(
                f"There are boxes of {len(boxes)} images and {len(identifiers)} image ids", where, "give one id per image"
            )
        return [
            self._truth(each, _at(names, number), _at(numbers, number), identifier, f"{where}, image {number}")
            for number, (each, identifier) in enumerate(zip(boxes, identifiers, strict=True))
        ]

    def _truth(self, boxes: Any, names: Any, numbers: Any, identifier: Any, where: str) -> dict[str, Any]:
        if len(names) and len(numbers):
            raise MetricValueError("An image has names and ids", where, "leave one of them empty")
        labels = self._names.ids(list(names), where=where) if len(names) else as_array(numbers, where=where).reshape(-1)
        xywh, area, known = _known_boxes(boxes, labels, where)
        return {"boxes": xywh[known], "area": area[known], "labels": labels[known], "image_id": identifier}

    def _refuse_repeated(self, ids: list[int | str], *, where: str) -> None:
        """Let images come again: they are left out."""

    def _options(self) -> dict[str, object]:
        return {**super()._options(), "anno_path": self._names}


class V1CocoMAP(V1MAP):
    """``COCOmAP`` of 1.x: overlaps 0.5 to 0.95 and 101 points, whatever ``iou_thrs`` and ``map_points`` say."""

    name: ClassVar[str] = "cocomap"

    def __init__(
        self,
        anno_path: ClassNames = None,
        iou_thrs: Any = None,
        map_points: Any = None,
        map_key: str = "DetectionBoxes_Precision/mAP",
    ) -> None:
        super().__init__(anno_path, _COCO_THRESHOLDS, 101, map_key)


class V1VocMAP(V1MAP):
    """``VOCmAP`` of 1.x: overlap 0.5 and the exact area, whatever ``iou_thrs`` and ``map_points`` say; matching is COCO's."""

    name: ClassVar[str] = "vocmap"

    def __init__(
        self,
        anno_path: ClassNames = None,
        iou_thrs: Any = None,
        map_points: Any = None,
        map_key: str = "DetectionBoxes_Precision/mAP",
    ) -> None:
        super().__init__(anno_path, 0.5, 0, map_key)


class V1CocoMAPv2(V1MAP):
    """``COCOmAPv2`` of 1.x: ``output_index_mapping`` says where in the model's outputs boxes, scores and classes are.

    Args:
        anno_path, iou_thrs, map_points, map_key: as for ``mAP``.
        output_index_mapping: positions of ``boxes``, ``scores``, ``classes`` and ``num_detections`` (-1: there is none);
            None for ``{"num_detections": -1, "boxes": 0, "scores": 1, "classes": 2}``.
    """

    name: ClassVar[str] = "cocomapv2"

    def __init__(
        self,
        anno_path: ClassNames = None,
        iou_thrs: float | str = _COCO_THRESHOLDS,
        map_points: int = 101,
        map_key: str = "DetectionBoxes_Precision/mAP",
        output_index_mapping: Mapping[str, int] | None = None,
    ) -> None:
        given = {} if output_index_mapping is None else dict(output_index_mapping)
        positions = {"num_detections": -1, "boxes": 0, "scores": 1, "classes": 2} if not given else {"num_detections": -1, **given}
        unusable = set(positions) ^ {"num_detections", "boxes", "scores", "classes"}
        if unusable or not all(isinstance(position, int) for position in positions.values()):
            where = f"{type(self).__name__}(output_index_mapping)"
            raise MetricValueError(
                f"The mapping is {output_index_mapping!r}", where, "give boxes, scores, classes, num_detections a position"
            )
        self._positions = positions
        super().__init__(anno_path, iou_thrs, map_points, map_key)

    def _columns(self, predictions: Sequence[Any], *, where: str) -> tuple[Any, Any, Any, Any]:
        positions = self._positions
        needed = max(positions.values()) + 1
        if len(predictions) < needed:
            raise MetricValueError(f"The model has {len(predictions)} outputs", where, f"output_index_mapping needs {needed}: {positions}")
        boxes, scores, classes = (_sequence(predictions[positions[key]], where) for key in ("boxes", "scores", "classes"))
        counts = predictions[positions["num_detections"]] if positions["num_detections"] >= 0 else [None] * len(boxes)
        return counts, boxes, scores, classes

    def _options(self) -> dict[str, object]:
        return {**super()._options(), "output_index_mapping": tuple(sorted(self._positions.items()))}


def _parse_thresholds(iou_thrs: float | str, where: str) -> tuple[float, ...]:
    fix = f"give a number, or {_COCO_THRESHOLDS!r}"
    if not isinstance(iou_thrs, str):
        return (real_number(iou_thrs, where=where, fix=fix),)
    if iou_thrs != _COCO_THRESHOLDS:
        raise MetricValueError(f"iou_thrs is {iou_thrs!r}", where, fix)
    return THRESHOLDS


def _sequence(value: Any, where: str) -> Sequence[Any]:
    """Return lists and tuples as they are and tensors as arrays."""
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, np.ndarray) and value.ndim:
        return value.tolist() if value.dtype.kind in "USO" else list(value)
    if isinstance(value, (str, bytes, Mapping)):
        raise MetricTypeError(f"A column is a {type(value).__name__}", where, "give one list or array per output")
    column = as_array(value, where=where)
    if not column.ndim:
        raise MetricTypeError(f"A column is the number {column}", where, "give one list or array per output, with one entry per image")
    return list(column)


def _at(column: Sequence[Any], number: int) -> Sequence[Any]:
    """Return one image's entry; a column that is not used may be shorter."""
    return _sequence(column[number], f"image {number}") if number < len(column) else ()


def _detections(count: Any, boxes: Any, scores: Any, classes: Any, *, where: str) -> dict[str, Any]:
    labels = as_array(classes, where=where)
    ranks, corners = as_array(scores, where=where), as_array(boxes, where=where)
    if ranks.shape != labels.shape or labels.ndim != 1 or not corners.ndim:
        what = f"Shapes do not match: boxes {corners.shape}, scores {ranks.shape}, classes {labels.shape}"
        raise MetricValueError(what, where, "give (N, 4), (N,) and (N,)")
    rows = slice(None) if count is None else slice(0, _checked_count(count, len(labels), where=where))
    labels, ranks = labels[rows], ranks[rows]
    xywh, _, known = _known_boxes(corners[rows], labels, where)
    return {"boxes": xywh[known], "scores": ranks[known], "labels": labels[known]}


def _checked_count(count: Any, rows: int, *, where: str) -> int:
    values = as_array(count, where=f"{where}, num_detections")
    number = float(values.reshape(-1)[0]) if values.size == 1 else math.nan
    if not (number.is_integer() and 0 <= number <= rows):
        raise MetricValueError(f"num_detections is {values.tolist()} with {rows} rows", where, "give a whole number of 0 to all rows")
    return int(number)


def _known_boxes(boxes: Any, labels: NDArray[Any], where: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return boxes as left, top, width, height, their areas, both computed in the boxes' dtype, and which are of COCO's classes."""
    values = as_array(boxes, where=where)
    if not values.size:
        values = values.reshape(0, 4)
    if values.ndim != 2 or values.shape[1] != 4 or labels.shape != (len(values),):
        raise MetricValueError(f"Shapes do not match: boxes {values.shape}, classes {labels.shape}", where, "give (N, 4) and (N,)")
    top, left, bottom, right = values.T
    height, width = bottom - top, right - left
    return np.stack((left, top, width, height), axis=1), height * width, np.isin(labels, _KNOWN)
