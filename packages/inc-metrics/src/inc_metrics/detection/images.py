"""What models and data sets say about images, read into columns and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.detection.boxes import BoxFormat, to_xywh
from inc_metrics.errors import MetricTypeError, MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inc_metrics.detection.labels import ClassMap


_LARGEST = 1e30
"""far beyond any image, and no product of two such numbers leaves float64"""


class Detections(NamedTuple):
    """What a model found, one row per box."""

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.float64]
    box: NDArray[np.float64]
    """left, top, width, height"""

    def rows(self, order: NDArray[np.int64]) -> Detections:
        """Return some of the rows, in the given order."""
        return Detections(self.image[order], self.label[order], self.score[order], self.box[order])


class Objects(NamedTuple):
    """What is in the images, one row per box."""

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    box: NDArray[np.float64]
    """left, top, width, height"""
    area: NDArray[np.float64]
    excused: NDArray[np.bool_]
    """a crowd (COCO) or a difficult object (VOC): to find it is neither right nor wrong"""

    def rows(self, order: NDArray[np.int64]) -> Objects:
        """Return some of the rows, in the given order."""
        return Objects(self.image[order], self.label[order], self.box[order], self.area[order], self.excused[order])


class Batch(NamedTuple):
    """Some images; their numbers count from 0."""

    images: int
    detections: Detections
    objects: Objects
    ids: tuple[int | str, ...] | None
    """one per image, where the targets have them"""


def read_batch(predictions: Any, targets: Any, *, classes: ClassMap, box_format: BoxFormat, excuse: str, where: str) -> Batch:
    """Read one image or a list of images.

    Args:
        predictions: a mapping per image with ``boxes (N, 4)``, ``scores (N,)`` and ``labels (N,)``.
        targets: a mapping per image with ``boxes (M, 4)`` and ``labels (M,)``; ``area (M,)``, ``image_id`` and the key ``excuse`` if there.
        classes: what labels may be.
        box_format: of both sides.
        excuse: the targets' key for objects that count neither way, ``(M,)`` of 0 and 1.
        where: used in error messages.

    Raises:
        MetricValueError: unequal numbers of images or rows, NaN, a negative size, an unknown label.
        MetricTypeError: no mapping, a key that is missing, no numbers.
    """
    found = _as_images(predictions, f"{where}(predictions)", ("boxes", "scores", "labels"))
    truth = _as_images(targets, f"{where}(targets)", ("boxes", "labels"))
    if len(found) != len(truth):
        raise MetricValueError(
            f"There are {len(found)} images of predictions and {len(truth)} of targets", where, "give one target per image"
        )
    if not found:
        raise MetricValueError("The batch is empty", where, "leave out empty batches")
    return Batch(
        len(found),
        _read_detections(found, classes, box_format, f"{where}(predictions)"),
        _read_objects(truth, classes, box_format, excuse, f"{where}(targets)"),
        _read_ids(truth, f"{where}(targets)"),
    )


def join(batches: Sequence[Batch]) -> Batch:
    """Return the images of all batches as one, numbered in order; their ids are left out."""
    offsets = np.cumsum([0, *(batch.images for batch in batches)])
    detections = [
        batch.detections._replace(image=batch.detections.image + offset) for batch, offset in zip(batches, offsets[:-1], strict=True)
    ]
    objects = [batch.objects._replace(image=batch.objects.image + offset) for batch, offset in zip(batches, offsets[:-1], strict=True)]
    return Batch(
        int(offsets[-1]),
        Detections(*(np.concatenate(column) for column in zip(*detections, strict=True))),
        Objects(*(np.concatenate(column) for column in zip(*objects, strict=True))),
        None,
    )


def _as_images(images: Any, where: str, needed: tuple[str, ...]) -> list[Mapping[str, Any]]:
    listed = [images] if isinstance(images, Mapping) else images
    if not isinstance(listed, (list, tuple)):
        raise MetricTypeError(f"Images are given as a {type(images).__name__}", where, "give one mapping per image, in a list")
    for number, image in enumerate(listed):
        if not isinstance(image, Mapping):
            raise MetricTypeError(f"Image {number} is a {type(image).__name__}", where, f"give a mapping with {', '.join(needed)}")
        missing = [key for key in needed if key not in image]
        if missing:
            keys = ", ".join(map(str, image)) or "nothing"
            raise MetricTypeError(f"Image {number} has no {' and no '.join(missing)}; it has {keys}", where, f"give {', '.join(needed)}")
    return list(listed)


def _read_detections(images: list[Mapping[str, Any]], classes: ClassMap, box_format: BoxFormat, where: str) -> Detections:
    boxes = [_boxes(image["boxes"], f"{where}, image {number}") for number, image in enumerate(images)]
    counts = [len(each) for each in boxes]
    owner = np.repeat(np.arange(len(images)), counts)
    scores = _column(images, "scores", counts, where)
    unusable = np.isnan(scores)
    if unusable.any():
        raise MetricValueError(
            f"{np.count_nonzero(unusable)} of {scores.size} scores are NaN",
            f"{where}, image {owner[unusable][0]}",
            "find the operator that produces NaN; it has no rank",
        )
    return Detections(owner, _labels(images, counts, classes, where), scores, _sound(boxes, owner, box_format, where))


def _read_objects(images: list[Mapping[str, Any]], classes: ClassMap, box_format: BoxFormat, excuse: str, where: str) -> Objects:
    boxes = [_boxes(image["boxes"], f"{where}, image {number}") for number, image in enumerate(images)]
    counts = [len(each) for each in boxes]
    owner = np.repeat(np.arange(len(images)), counts)
    xywh = _sound(boxes, owner, box_format, where)
    area = xywh[:, 2] * xywh[:, 3]
    if any("area" in image for image in images):
        area = _column(images, "area", counts, where, absent=area)
        unusable = ~((area >= 0.0) & np.isfinite(area))
        if unusable.any():
            raise MetricValueError(
                f"An area is {area[unusable][0]}", f"{where}, image {owner[unusable][0]}", "areas are 0 or more, in square pixels"
            )
    excused = np.zeros(len(owner), dtype=np.bool_)
    if any(excuse in image for image in images):
        flags = _column(images, excuse, counts, where, absent=np.zeros(len(owner)))
        if not np.isin(flags, (0.0, 1.0)).all():
            raise MetricValueError(f"{excuse} is {flags[~np.isin(flags, (0.0, 1.0))][0]}", where, f"{excuse} is 0 or 1 for every box")
        excused = flags == 1.0
    return Objects(owner, _labels(images, counts, classes, where), xywh, area, excused)


def _boxes(value: Any, where: str) -> NDArray[Any]:
    boxes = as_array(value, where=f"{where}, boxes")
    if boxes.size == 0:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise MetricValueError(f"The boxes have shape {boxes.shape}", where, "give one row of four numbers per box, shape (N, 4)")
    return boxes


def _sound(boxes: list[NDArray[Any]], owner: NDArray[np.int64], box_format: BoxFormat, where: str) -> NDArray[np.float64]:
    raw = np.concatenate(boxes)
    huge = ~(np.abs(raw.astype(np.float64)) <= _LARGEST).all(axis=1)  # NaN is not small either
    if huge.any():
        row = int(np.flatnonzero(huge)[0])
        where = f"{where}, image {owner[row]}"
        raise MetricValueError(f"The box {raw[row].tolist()} is not finite, or beyond {_LARGEST:g}", where, "find what produces it")
    xywh = to_xywh(raw, box_format)
    negative = (xywh[:, 2:] < 0.0).any(axis=1)
    if negative.any():
        row = int(np.flatnonzero(negative)[0])
        raise MetricValueError(
            f"The box {raw[row].tolist()} has a negative size as {box_format.value}",
            f"{where}, image {owner[row]}",
            f"box_format says what the numbers are: {', '.join(BoxFormat)}",
        )
    return xywh


def _column(
    images: list[Mapping[str, Any]], key: str, counts: list[int], where: str, *, absent: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return one number per box, ``(N,)``; images without the key get their rows of ``absent``."""
    columns = []
    start = 0
    for number, (image, count) in enumerate(zip(images, counts, strict=True)):
        if absent is not None and key not in image:
            columns.append(absent[start : start + count])
        else:
            values = as_array(image[key], where=f"{where}, image {number}, {key}")
            _check_length(values, count, key, f"{where}, image {number}")
            columns.append(values.reshape(-1))
        start += count
    return np.concatenate(columns).astype(np.float64)


def _labels(images: list[Mapping[str, Any]], counts: list[int], classes: ClassMap, where: str) -> NDArray[np.int64]:
    values = [_numbers_or_names(image["labels"], f"{where}, image {number}, labels") for number, image in enumerate(images)]
    for number, (value, count) in enumerate(zip(values, counts, strict=True)):
        _check_length(value, count, "labels", f"{where}, image {number}")
    if all(isinstance(value, np.ndarray) for value in values):
        return classes.ids(np.concatenate([value.reshape(-1) for value in values]), where=where)
    return np.concatenate([classes.ids(value, where=f"{where}, image {number}") for number, value in enumerate(values)])


def _numbers_or_names(labels: Any, where: str) -> Any:
    """Return labels as an array of numbers, or as a list where they are names."""
    names = isinstance(labels, (list, tuple)) and bool(labels) and isinstance(labels[0], (str, bytes))
    if names or (isinstance(labels, np.ndarray) and labels.dtype.kind in "USO"):
        return labels if isinstance(labels, (list, tuple)) else labels.tolist()
    return as_array(labels, where=where)


def _check_length(values: Any, count: int, key: str, where: str) -> None:
    shape = values.shape if isinstance(values, np.ndarray) else (len(values),)
    if shape != (count,) and not (count == 0 and 0 in shape):
        raise MetricValueError(f"{key} have shape {shape}, the boxes {(count, 4)}", where, f"give one of {key} per box, shape (N,)")


def _read_ids(images: list[Mapping[str, Any]], where: str) -> tuple[int | str, ...] | None:
    given = [number for number, image in enumerate(images) if "image_id" in image]
    if not given:
        return None
    if len(given) < len(images):
        raise MetricValueError("Some images have an image_id and some have none", where, "give every image its id, or none")
    return tuple(_read_id(image["image_id"], f"{where}, image {number}") for number, image in enumerate(images))


def _read_id(value: Any, where: str) -> int | str:
    if isinstance(value, (str, bytes)):
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    number = as_array(value, where=f"{where}, image_id")
    if number.size != 1 or number.dtype.kind not in "iu":
        raise MetricTypeError(f"The image_id is {value!r}", where, "give one whole number or one string")
    return int(number.reshape(-1)[0])
