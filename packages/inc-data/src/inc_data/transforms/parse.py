"""From a record of a TFRecord file to (image, label)."""

from __future__ import annotations

import io
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from inc_data.detection import detection_label
from inc_data.faults import fault
from inc_data.formats.example import Example, parse_example
from inc_data.images import as_array, open_image
from inc_data.protocols import Array
from inc_data.transforms.protocol import ImageTransform

IMAGENET_LABEL = "image/class/label"


class ParseRecord(ImageTransform):
    """Make (image, label) of a record's bytes; the subclass knows the layout."""

    @abstractmethod
    def read(self, example: Example) -> tuple[Any, Any]:
        """Return image and label of a parsed record."""

    def parse(self, record: bytes, where: str | None = None) -> tuple[Any, Any]:
        """Return image and label of a serialized record; ``where`` names it in messages."""
        return self.read(parse_example(record, where=where or type(self).__name__))

    def apply(self, image: Any) -> Any:
        """Return (image, label) of a serialized record."""
        if not isinstance(image, bytes):
            raise TypeError(
                fault(
                    f"Expected the bytes of a record, got {type(image).__name__}.",
                    where=type(self).__name__,
                    fix="use it first, on TFRecordDataset",
                )
            )
        return self.parse(image)


@dataclass(frozen=True)
class ParseDecodeImagenet(ParseRecord):
    """ImageNet's layout: image/encoded and image/class/label, to ``(uint8 (H, W, 3), int)``."""

    def read(self, example: Example) -> tuple[Array, int]:
        """Return image and label."""
        return _decoded(example, "image/encoded", "RGB"), example.whole_number(IMAGENET_LABEL)


@dataclass(frozen=True)
class ParseDecodeCoco(ParseRecord):
    """The layout of TensorFlow's object detection, to ``(uint8 (H, W, 3), DetectionLabel)``.

    Reads image/encoded, image/source_id, image/object/bbox/{xmin,ymin,xmax,ymax}, image/object/class/text, and class/label where it is.
    """

    def read(self, example: Example) -> tuple[Array, Any]:
        """Return image and label."""
        columns = [example.numbers(f"image/object/bbox/{side}") for side in ("ymin", "xmin", "ymax", "xmax")]
        if len({len(column) for column in columns}) != 1:
            raise ValueError(fault("The sides of the boxes differ in number.", where=example.where, fix="write the records again"))
        names = [name.decode("utf-8", "replace") for name in example.all_bytes("image/object/class/text")]
        known = "image/object/class/label" in example.features and len(example.numbers("image/object/class/label"))
        crowd = "image/object/is_crowd" in example.features and len(example.numbers("image/object/is_crowd"))
        label = detection_label(
            np.stack(columns, axis=1),
            names=names,
            classes=example.numbers("image/object/class/label") if known else None,
            image_id=example.bytes_of("image/source_id").decode("utf-8", "replace"),
            crowd=example.numbers("image/object/is_crowd") if crowd else None,
            where=example.where,
        )
        return _decoded(example, "image/encoded", "RGB"), label


@dataclass(frozen=True)
class ParseDecodeVoc(ParseRecord):
    """DeepLab's layout: image/encoded and image/segmentation/class/encoded, to ``(uint8 (H, W, 3), uint8 (H, W, 1))``.

    The mask holds class numbers, 255 for void; a palette is not applied.
    """

    def read(self, example: Example) -> tuple[Array, Array]:
        """Return image and mask."""
        return _decoded(example, "image/encoded", "RGB"), _decoded(example, "image/segmentation/class/encoded", "P")


def _decoded(example: Example, name: str, mode: str) -> Array:
    return as_array(open_image(io.BytesIO(example.bytes_of(name)), mode=mode, where=f"{name} of {example.where}"))
