"""Crops; boxes of a ``DetectionLabel`` follow (1.x left them as they were)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inc_data.detection import seen_through
from inc_data.faults import fault, finite_number, whole_number
from inc_data.protocols import Image
from inc_data.transforms.geometry import cropped, image_size, require_room
from inc_data.transforms.protocol import ImageTransform, RandomTransform, pair
from inc_data.transforms.resize import check_interpolation, resized

Window = tuple[int, int, int, int]
"""(top, left, height, width) in pixels."""


class Crop(ImageTransform):
    """A transform that keeps one rectangle of the image; the subclass says which."""

    @abstractmethod
    def window(self, image: Image) -> Window:
        """Return the rectangle for this image, which lies inside it."""

    def finish(self, part: Image) -> Image:
        """Return what becomes of the rectangle."""
        return part

    def apply(self, image: Image) -> Image:
        """Return the rectangle; of an array it is a view."""
        return self.finish(cropped(image, *self.window(image)))

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return the rectangle and the boxes inside it."""
        window = self.window(image)
        return self.finish(cropped(image, *window)), seen_through(label, window, image_size(image, type(self).__name__))


@dataclass(frozen=True)
class CenterCrop(Crop):
    """Cut (height, width), or a square, from the middle.

    An odd margin leaves the smaller half above and left, as in 1.x; torchvision rounds half to even there, one pixel apart at most.
    """

    size: int | Sequence[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, name="size", where="CenterCrop"))

    def window(self, image: Image) -> Window:
        """Return the middle; ValueError when the image is smaller."""
        size = pair(self.size, name="size", where="CenterCrop")
        rows, columns = require_room(image, size, "CenterCrop")
        return rows // 2, columns // 2, *size


@dataclass(frozen=True)
class PaddedCenterCrop(Crop):
    """Cut the largest middle square that leaves ``crop_padding`` of ``size + crop_padding`` pixels as a margin.

    Its side is ``int(size / (size + crop_padding) * min(height, width))``; an odd margin leaves the larger half above and left.
    """

    size: int | Sequence[int]
    crop_padding: int = 0

    def __post_init__(self) -> None:
        height, width = pair(self.size, name="size", where="PaddedCenterCrop")
        if height != width:
            raise ValueError(fault(f"size must be a square, got {self.size}.", where="PaddedCenterCrop", fix="pass one integer"))
        object.__setattr__(self, "size", height)
        whole_number(self.crop_padding, minimum=0, name="crop_padding", where="PaddedCenterCrop")

    def window(self, image: Image) -> Window:
        """Return the middle square."""
        height, width = image_size(image, "PaddedCenterCrop")
        size = pair(self.size, name="size", where="PaddedCenterCrop")[0]
        side = max(1, int(size / (size + self.crop_padding) * min(height, width)))
        return (height - side + 1) // 2, (width - side + 1) // 2, side, side


@dataclass(frozen=True)
class CropToBoundingBox(Crop):
    """Cut a given rectangle."""

    offset_height: int
    offset_width: int
    target_height: int
    target_width: int

    def __post_init__(self) -> None:
        for name, minimum in (("offset_height", 0), ("offset_width", 0), ("target_height", 1), ("target_width", 1)):
            whole_number(getattr(self, name), minimum=minimum, name=name, where="CropToBoundingBox")

    def window(self, image: Image) -> Window:
        """Return the rectangle; ValueError when it leaves the image."""
        window = self.offset_height, self.offset_width, self.target_height, self.target_width
        return _inside(window, image, "CropToBoundingBox")


@dataclass(frozen=True)
class CropResize(Crop):
    """Cut the rectangle at column ``x`` and row ``y``, then resize it to ``size``."""

    x: int
    y: int
    width: int
    height: int
    size: int | Sequence[int]
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        for name, minimum in (("x", 0), ("y", 0), ("width", 1), ("height", 1)):
            whole_number(getattr(self, name), minimum=minimum, name=name, where="CropResize")
        object.__setattr__(self, "size", pair(self.size, name="size", where="CropResize"))
        check_interpolation(self.interpolation, "CropResize")

    def window(self, image: Image) -> Window:
        """Return the rectangle; ValueError when it leaves the image."""
        return _inside((self.y, self.x, self.height, self.width), image, "CropResize")

    def finish(self, part: Image) -> Image:
        """Return the rectangle in the new size."""
        return resized(part, *pair(self.size, name="size", where="CropResize"), interpolation=self.interpolation)


@dataclass(frozen=True)
class RandomCrop(RandomTransform, Crop):
    """Cut (height, width), or a square, from a place drawn evenly among all that fit."""

    size: int | Sequence[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "size", pair(self.size, name="size", where="RandomCrop"))

    def window(self, image: Image) -> Window:
        """Return one rectangle; ValueError when the image is smaller."""
        size = pair(self.size, name="size", where="RandomCrop")
        rows, columns = require_room(image, size, "RandomCrop")
        generator = self.draw()
        return int(generator.integers(rows + 1)), int(generator.integers(columns + 1)), *size


@dataclass(frozen=True)
class RandomResizedCrop(RandomTransform, Crop):
    """Cut a rectangle of random area and aspect ratio, then resize it to ``size``.

    After ten rectangles that do not fit, the largest middle one of an allowed ratio is taken, as torchvision does.

    Args:
        size: (height, width), or a square.
        scale: smallest and largest share of the area.
        ratio: smallest and largest width / height; drawn evenly on a logarithmic scale.
        interpolation: as for ``Resize``.
    """

    size: int | Sequence[int]
    scale: Sequence[float] = (0.08, 1.0)
    ratio: Sequence[float] = (3 / 4, 4 / 3)
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "size", pair(self.size, name="size", where="RandomResizedCrop"))
        for name in ("scale", "ratio"):
            object.__setattr__(self, name, _range(getattr(self, name), name))
        check_interpolation(self.interpolation, "RandomResizedCrop")

    def window(self, image: Image) -> Window:
        """Return one rectangle that fits."""
        height, width = image_size(image, "RandomResizedCrop")
        generator = self.draw()
        logarithms = math.log(self.ratio[0]), math.log(self.ratio[1])
        for _ in range(10):
            area = height * width * generator.uniform(self.scale[0], self.scale[1])
            ratio = math.exp(generator.uniform(logarithms[0], logarithms[1]))
            columns, rows = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < columns <= width and 0 < rows <= height:
                return int(generator.integers(height - rows + 1)), int(generator.integers(width - columns + 1)), rows, columns
        ratio = min(max(width / height, self.ratio[0]), self.ratio[1])
        rows = min(height, max(1, round(width / ratio)))
        columns = min(width, max(1, round(height * ratio)))
        return (height - rows) // 2, (width - columns) // 2, rows, columns

    def finish(self, part: Image) -> Image:
        """Return the rectangle in the new size."""
        return resized(part, *pair(self.size, name="size", where="RandomResizedCrop"), interpolation=self.interpolation)


def _inside(window: Window, image: Image, where: str) -> Window:
    top, left, height, width = window
    rows, columns = image_size(image, where)
    if top + height > rows or left + width > columns:
        raise ValueError(
            fault(
                f"A rectangle of {height}x{width} at row {top}, column {left} leaves an image of {rows}x{columns}.",
                where=where,
                fix="give a smaller rectangle, or resize before",
            )
        )
    return window


def _range(values: Any, name: str) -> tuple[float, float]:
    numbers = tuple(values) if isinstance(values, list | tuple) else ()
    checked = tuple(finite_number(number, name=name, where="RandomResizedCrop") for number in numbers)
    if len(checked) != 2 or not 0 < checked[0] <= checked[1]:
        raise ValueError(
            fault(
                f"{name} must be (smallest, largest) above 0, got {values!r}.",
                where="RandomResizedCrop",
                fix=f"for example {name}=(0.5, 1.0)",
            )
        )
    return checked[0], checked[1]
