"""Resizing by pillow: antialiased when it shrinks, which OpenCV and TensorFlow 1 are not (1.x results differ there)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as pillow

from inc_data.faults import fault, one_of, whole_number
from inc_data.images import as_array
from inc_data.protocols import Array, Image
from inc_data.transforms.geometry import image_like, image_size
from inc_data.transforms.protocol import ImageTransform, pair

INTERPOLATIONS = {
    "nearest": pillow.Resampling.NEAREST,
    "box": pillow.Resampling.BOX,
    "bilinear": pillow.Resampling.BILINEAR,
    "hamming": pillow.Resampling.HAMMING,
    "bicubic": pillow.Resampling.BICUBIC,
    "lanczos": pillow.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Resize(ImageTransform):
    """Resize to an exact size; the aspect ratio may change.

    Args:
        size: (height, width), or one integer for a square. For the short side alone see ``ResizeShortSide``.
        interpolation: a name of ``INTERPOLATIONS``.
    """

    size: int | Sequence[int]
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, name="size", where="Resize"))
        check_interpolation(self.interpolation, "Resize")

    def apply(self, image: Image) -> Image:
        """Return the image with ``size``; see ``resized`` for what arrays may be."""
        return resized(image, *pair(self.size, name="size", where="Resize"), interpolation=self.interpolation)


@dataclass(frozen=True)
class ResizeShortSide(ImageTransform):
    """Resize so that the short side has ``size`` pixels and the aspect ratio stays.

    The long side is ``int(size * long / short)``, the rounding of torchvision's ``Resize(int)``.
    """

    size: int
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        whole_number(self.size, minimum=1, name="size", where="ResizeShortSide")
        check_interpolation(self.interpolation, "ResizeShortSide")

    def apply(self, image: Image) -> Image:
        """Return the image with its short side at ``size``."""
        height, width = image_size(image, "ResizeShortSide")
        short = min(height, width)
        return resized(image, int(self.size * height / short), int(self.size * width / short), interpolation=self.interpolation)


def resized(image: Image, height: int, width: int, *, interpolation: str) -> Image:
    """Resize a pillow image, or an array ``(H, W)`` or ``(H, W, C)``.

    Arrays of uint8 are resized with pillow's rounding to whole levels; floats channel by channel in float32, then cast back.

    Raises:
        TypeError: an array of another dtype.
    """
    resample = INTERPOLATIONS[interpolation]
    if isinstance(image, pillow.Image):
        return image.resize((width, height), resample)
    image_size(image, "Resize")
    if image.dtype != np.uint8 and image.dtype.kind != "f":
        raise TypeError(
            fault(
                f"Pixels of type {image.dtype} cannot be interpolated.",
                where="Resize",
                fix="put Cast('float32') before, or give uint8 pixels",
            )
        )
    if image.dtype == np.uint8 and image.shape[2:] == (3,):
        return as_array(pillow.fromarray(np.ascontiguousarray(image)).resize((width, height), resample))
    channels = image[:, :, np.newaxis] if image.ndim == 2 else image
    planes = [_resized_plane(channels[:, :, c], height, width, resample) for c in range(channels.shape[2])]
    return image_like(np.stack(planes, axis=-1).astype(image.dtype, copy=False), image)


def _resized_plane(plane: Array, height: int, width: int, resample: pillow.Resampling) -> Array:
    source = plane if plane.dtype == np.uint8 else plane.astype(np.float32)
    return as_array(pillow.fromarray(np.ascontiguousarray(source)).resize((width, height), resample))[:, :, 0]


def check_interpolation(name: object, where: str) -> None:
    """Raise ValueError for a name that is none of ``INTERPOLATIONS``."""
    if name not in INTERPOLATIONS:
        raise ValueError(fault(f"Unknown interpolation {name!r}.", where=where, fix=one_of(str(name), INTERPOLATIONS)))
