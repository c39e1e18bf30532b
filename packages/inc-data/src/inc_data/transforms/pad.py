"""Padding, alone and after resizing; boxes of a ``DetectionLabel`` follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image as pillow

from inc_data.detection import seen_through
from inc_data.faults import fault, finite_number, one_of, whole_number
from inc_data.images import as_array
from inc_data.protocols import Array, Image
from inc_data.transforms.geometry import image_size
from inc_data.transforms.protocol import ImageTransform
from inc_data.transforms.resize import check_interpolation, resized

PaddingMode = Literal["constant", "edge", "reflect", "symmetric"]


@dataclass(frozen=True)
class Pad(ImageTransform):
    """Add a border.

    Args:
        padding: pixels on every side; (left and right, top and bottom); or (left, top, right, bottom), torchvision's order.
        fill: level of a constant border, or one per channel.
        padding_mode: ``constant``, ``edge``, ``reflect`` (without the edge) or ``symmetric`` (with it).
    """

    padding: int | Sequence[int]
    fill: float | Sequence[float] = 0
    padding_mode: PaddingMode = "constant"

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", _sides(self.padding))
        if self.padding_mode not in get_args(PaddingMode):
            raise ValueError(
                fault(
                    f"Unknown padding_mode {self.padding_mode!r}.", where="Pad", fix=one_of(str(self.padding_mode), get_args(PaddingMode))
                )
            )
        levels = tuple(self.fill) if isinstance(self.fill, list | tuple) else (self.fill,)
        object.__setattr__(self, "fill", tuple(finite_number(level, name="fill", where="Pad") for level in levels))

    def apply(self, image: Image) -> Image:
        """Return the image with its border, a pillow image for a pillow image."""
        image_size(image, "Pad")
        levels = self.fill if isinstance(self.fill, tuple) else (float(self.fill),)  # type: ignore[arg-type]  # __post_init__ made it a tuple
        return padded(image, _sides(self.padding), levels, self.padding_mode)

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return the image with its border, and the boxes in it."""
        height, width = image_size(image, "Pad")
        left, top, right, bottom = _sides(self.padding)
        window = -top, -left, height + top + bottom, width + left + right
        return self.apply(image), seen_through(label, window, (height, width))


@dataclass(frozen=True)
class ResizeWithRatio(ImageTransform):
    """Enlarge so that the short side has at least ``min_dim`` pixels, but never beyond ``max_dim`` on the long side; then pad if asked.

    The factor is ``max(1, min_dim / short)``, or ``max_dim / long`` where that would be too much; sides are rounded.

    Args:
        min_dim: least length of the short side, unless ``max_dim`` forbids.
        max_dim: greatest length of the long side.
        padding: add a border that makes the image a square of ``max_dim``, the image in the middle.
        constant_value: level of the border.
        interpolation: as for ``Resize``.
    """

    min_dim: int = 800
    max_dim: int = 1365
    padding: bool = False
    constant_value: int = 0
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        where = "ResizeWithRatio"
        whole_number(self.min_dim, minimum=1, name="min_dim", where=where)
        whole_number(self.max_dim, minimum=self.min_dim, name="max_dim", where=where)
        finite_number(self.constant_value, name="constant_value", where=where)
        check_interpolation(self.interpolation, where)

    def apply(self, image: Image) -> Image:
        """Return the resized image."""
        return self.apply_pair(image, None)[0]

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return the resized image, and the boxes in it."""
        height, width = image_size(image, "ResizeWithRatio")
        factor = min(max(1.0, self.min_dim / min(height, width)), self.max_dim / max(height, width))
        rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
        enlarged = resized(image, rows, columns, interpolation=self.interpolation)
        if not self.padding:
            return enlarged, label
        top, left = (self.max_dim - rows) // 2, (self.max_dim - columns) // 2
        sides = left, top, self.max_dim - columns - left, self.max_dim - rows - top
        window = -top, -left, self.max_dim, self.max_dim
        return padded(enlarged, sides, (self.constant_value,), "constant"), seen_through(label, window, (rows, columns))


def padded(image: Image, sides: tuple[int, int, int, int], fill: tuple[float, ...], mode: str) -> Image:
    """Return an image with a border of (left, top, right, bottom) pixels."""
    pixels = as_array(image.convert("L") if isinstance(image, pillow.Image) and image.mode == "1" else image)
    planes = pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
    if len(fill) not in (1, planes.shape[2]):
        raise ValueError(
            fault(
                f"{len(fill)} levels do not fit an image of {planes.shape[2]} channels.",
                where="Pad",
                fix="give one level, or one per channel",
            )
        )
    left, top, right, bottom = sides
    around = ((top, bottom), (left, right), (0, 0))
    if mode == "constant":
        result = np.empty((planes.shape[0] + top + bottom, planes.shape[1] + left + right, planes.shape[2]), planes.dtype)
        result[:] = fill
        result[top : top + planes.shape[0], left : left + planes.shape[1]] = planes
    else:
        result = _extended(planes, around, mode)
    if isinstance(image, pillow.Image):
        return _picture_like(image, result)
    return result[:, :, 0] if pixels.ndim == 2 else result


def _picture_like(original: pillow.Image, pixels: Array) -> pillow.Image:
    mode = "L" if original.mode == "1" else original.mode
    picture = pillow.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    palette = original.getpalette() if mode == "P" else None
    if palette is not None:
        picture.putpalette(palette)
    return picture


def _extended(planes: Array, around: Any, mode: str) -> Array:
    if mode == "edge":
        return np.pad(planes, around, mode="edge")
    return np.pad(planes, around, mode="reflect" if mode == "reflect" else "symmetric")


def _sides(padding: Any) -> tuple[int, int, int, int]:
    values = tuple(padding) if isinstance(padding, list | tuple) else (padding,)
    if len(values) not in (1, 2, 4):
        raise ValueError(
            fault(f"padding must have one, two or four numbers, got {padding!r}.", where="Pad", fix="pass (left, top, right, bottom)")
        )
    numbers = [whole_number(value, minimum=0, name="padding", where="Pad") for value in values]
    left, top, right, bottom = numbers if len(numbers) == 4 else (numbers[0], numbers[-1]) * 2
    return left, top, right, bottom
