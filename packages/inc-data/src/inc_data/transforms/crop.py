"""Crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inc_data.protocols import Image
from inc_data.transforms.geometry import cropped, require_room
from inc_data.transforms.protocol import ImageTransform, RandomTransform, pair


@dataclass(frozen=True)
class CenterCrop(ImageTransform):
    """Cut (height, width), or a square, from the middle.

    An odd margin leaves the smaller half above and left, as in 1.x; torchvision rounds half to even there, one pixel apart at most.
    """

    size: int | Sequence[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, name="size", where="CenterCrop"))

    def apply(self, image: Image) -> Image:
        """Return the middle of the image; ValueError when the image is smaller."""
        size = pair(self.size, name="size", where="CenterCrop")
        rows, columns = require_room(image, size, "CenterCrop")
        return cropped(image, rows // 2, columns // 2, *size)


@dataclass(frozen=True)
class RandomCrop(RandomTransform):
    """Cut (height, width), or a square, from a place drawn evenly among all that fit."""

    size: int | Sequence[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "size", pair(self.size, name="size", where="RandomCrop"))

    def apply(self, image: Image) -> Image:
        """Return one rectangle of the image; ValueError when the image is smaller."""
        size = pair(self.size, name="size", where="RandomCrop")
        rows, columns = require_room(image, size, "RandomCrop")
        generator = self.draw()
        top, left = int(generator.integers(rows + 1)), int(generator.integers(columns + 1))
        return cropped(image, top, left, *size)
