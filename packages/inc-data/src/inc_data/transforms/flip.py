"""Flips; boxes of a ``DetectionLabel`` follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from PIL import Image as pillow

from inc_data.detection import mirrored
from inc_data.faults import fault, finite_number
from inc_data.protocols import Image
from inc_data.transforms.geometry import image_size
from inc_data.transforms.protocol import RandomTransform


@dataclass(frozen=True)
class RandomFlip(RandomTransform):
    """Mirror the image along one axis with probability ``p``; the subclass says which."""

    p: float = 0.5
    axis: ClassVar[int] = 1
    """0 swaps top and bottom, 1 left and right."""

    def __post_init__(self) -> None:
        super().__post_init__()
        where = type(self).__name__
        if not 0.0 <= finite_number(self.p, name="p", where=where) <= 1.0:
            raise ValueError(fault(f"p is a probability, got {self.p}.", where=where, fix="pass 0.0 to 1.0"))

    def apply(self, image: Image) -> Image:
        """Return the image or its mirror image; of an array it is a view."""
        return self.apply_pair(image, None)[0]

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return both as they are, or both mirrored."""
        image_size(image, type(self).__name__)
        if self.draw().random() >= self.p:
            return image, label
        return _mirror(image, self.axis), mirrored(label, axis=self.axis)


@dataclass(frozen=True)
class RandomHorizontalFlip(RandomFlip):
    """Swap left and right with probability ``p``."""


@dataclass(frozen=True)
class RandomVerticalFlip(RandomFlip):
    """Swap top and bottom with probability ``p``."""

    axis: ClassVar[int] = 0


def _mirror(image: Image, axis: int) -> Image:
    if isinstance(image, pillow.Image):
        return image.transpose(pillow.Transpose.FLIP_LEFT_RIGHT if axis else pillow.Transpose.FLIP_TOP_BOTTOM)
    return image[:, ::-1] if axis else image[::-1]
