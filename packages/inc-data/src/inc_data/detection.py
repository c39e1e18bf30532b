"""Labels of detection: boxes with their classes, and how they follow an image that is cut, padded or mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inc_data.faults import fault
from inc_data.protocols import Array, IndexArray

SMALLEST_PIXELS = 0.01
"""What is left of a box after a crop must be longer: shares in float32 are rounded to about a thousandth of a pixel."""


class DetectionLabel(NamedTuple):
    """The objects of one image; the first four parts are 1.x's (boxes, str_label, int_label, image_id).

    Attributes:
        boxes: (ymin, xmin, ymax, xmax) as shares of height and width, float32 of shape ``(N, 4)``.
        names: class names, N of them; empty where the source has none.
        classes: class ids, int64 of shape ``(N,)``.
        image_id: number or name of the image.
        crowd: whether a box stands for a group (COCO) or a difficult object (VOC), bool of shape ``(N,)``.
    """

    boxes: NDArray[np.float32]
    names: tuple[str, ...]
    classes: IndexArray
    image_id: int | str
    crowd: NDArray[np.bool_]

    def keep(self, chosen: Sequence[int] | Array) -> DetectionLabel:
        """Return the label with some of its objects, given by numbers or as a mask."""
        numbers = np.asarray(chosen)
        numbers = np.flatnonzero(numbers) if numbers.dtype == bool else numbers.astype(np.int64)
        names = tuple(self.names[number] for number in numbers) if self.names else ()
        return DetectionLabel(self.boxes[numbers], names, self.classes[numbers], self.image_id, self.crowd[numbers])

    def target(self) -> dict[str, Any]:
        """Return the mapping that inc-metrics and pycocotools read: boxes, labels, image_id, iscrowd."""
        return {"boxes": self.boxes, "labels": self.classes, "image_id": self.image_id, "iscrowd": self.crowd.astype(np.int64)}


def detection_label(
    boxes: Any, *, names: Sequence[str] = (), classes: Any = None, image_id: int | str, crowd: Any = None, where: str
) -> DetectionLabel:
    """Check and pack the objects of an image.

    Raises:
        ValueError: boxes are no rows of four finite numbers, or the parts differ in their number of objects.
    """
    table = np.asarray(boxes, np.float32).reshape(-1, 4) if np.size(boxes) % 4 == 0 else np.zeros((0, 0), np.float32)
    count = len(table)
    label = DetectionLabel(
        table,
        tuple(names),
        np.full(count, -1, np.int64) if classes is None else np.asarray(classes, np.int64).reshape(-1),
        image_id,
        np.zeros(count, bool) if crowd is None else np.asarray(crowd, bool).reshape(-1),
    )
    lengths = {len(label.classes), len(label.crowd), *([len(label.names)] if label.names else [])}
    if table.shape[1] != 4 or lengths != {count} or not np.isfinite(table).all():
        raise ValueError(
            fault(
                f"{np.size(boxes)} numbers of boxes, {len(label.names)} names and {len(label.classes)} classes do not fit together.",
                where=where,
                fix="give four finite numbers, one name and one class per object",
            )
        )
    return label


def seen_through(label: Any, window: tuple[int, int, int, int], size: tuple[int, int]) -> Any:
    """Return a label as it is inside a window of its image; a label without boxes is returned as it is.

    Args:
        label: of the whole image.
        window: (top, left, height, width) in pixels; outside the image where it was padded.
        size: (height, width) of the whole image.

    Boxes are cut at the window's edges, and objects of which nothing is left are dropped.
    """
    if not isinstance(label, DetectionLabel):
        return label
    top, left, height, width = window
    pixels = label.boxes.astype(np.float64) * [size[0], size[1], size[0], size[1]] - [top, left, top, left]
    boxes = np.clip(pixels / [height, width, height, width], 0.0, 1.0)
    extent = (boxes[:, 2:] - boxes[:, :2]) * [height, width]
    visible = extent.min(axis=1) > SMALLEST_PIXELS
    return label._replace(boxes=boxes.astype(np.float32)).keep(visible)


def mirrored(label: Any, *, axis: int) -> Any:
    """Return a label after its image was mirrored along an axis: 0 swaps top and bottom, 1 left and right."""
    if not isinstance(label, DetectionLabel):
        return label
    boxes = label.boxes.copy()
    boxes[:, axis], boxes[:, axis + 2] = 1 - label.boxes[:, axis + 2], 1 - label.boxes[:, axis]
    return label._replace(boxes=boxes)
