"""Height and width of an image, and rectangles cut from it."""

from __future__ import annotations

import numpy as np
from PIL import Image as pillow

from inc_data.faults import fault
from inc_data.protocols import Array, Image


def image_size(image: Image, where: str) -> tuple[int, int]:
    """Return (height, width) of a pillow image or of an array ``(H, W)`` or ``(H, W, C)``.

    Raises:
        TypeError: no image.
        ValueError: an array with another number of axes, or one that looks like ``(C, H, W)``.
    """
    if isinstance(image, pillow.Image):
        return image.height, image.width
    if not isinstance(image, np.ndarray):
        raise TypeError(
            fault(f"Expected an image, got {type(image).__name__}.", where=where, fix="pass a pillow image or an array of shape (H, W, C)")
        )
    few = (1, 2, 3, 4)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in few and image.shape[0] in few):
        raise ValueError(
            fault(
                f"An array of shape {image.shape} is no image with rows and columns first.",
                where=where,
                fix="pass (H, W) or (H, W, C); put Transpose((2, 0, 1)) after the transforms that move pixels",
            )
        )
    return image.shape[0], image.shape[1]


def cropped(image: Image, top: int, left: int, height: int, width: int) -> Image:
    """Cut a rectangle that lies inside the image; of an array it is a view."""
    if isinstance(image, pillow.Image):
        return image.crop((left, top, left + width, top + height))
    return image[top : top + height, left : left + width]


def require_room(image: Image, size: tuple[int, int], where: str) -> tuple[int, int]:
    """Return how many (rows, columns) the image has beyond ``size``.

    Raises:
        ValueError: the image is smaller than ``size``.
    """
    height, width = image_size(image, where)
    if height < size[0] or width < size[1]:
        raise ValueError(
            fault(
                f"An image of {height}x{width} has no room for {size[0]}x{size[1]} (height x width).",
                where=where,
                fix="put Resize or ResizeShortSide before, with at least that size",
            )
        )
    return height - size[0], width - size[1]


def image_like(planes: Array, original: Array) -> Array:
    """Drop the channel axis again where ``original`` had none."""
    return planes[:, :, 0] if original.ndim == 2 else planes
