"""Encoded images in memory: bytes to pixels and back."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as pillow

from inc_data.faults import fault, whole_number
from inc_data.images import as_array, open_image
from inc_data.protocols import Image
from inc_data.transforms.protocol import ImageTransform


@dataclass(frozen=True)
class DecodeImage(ImageTransform):
    """Decode the bytes of an image file to an array uint8 ``(H, W, 3)``."""

    mode: str = "RGB"

    def apply(self, image: Any) -> Image:
        """Return the array; ValueError when the bytes are no image."""
        if not isinstance(image, bytes):
            raise TypeError(
                fault(f"Expected bytes, got {type(image).__name__}.", where="DecodeImage", fix="give the content of an image file")
            )
        return as_array(open_image(io.BytesIO(image), mode=self.mode, where="the input of DecodeImage"))


@dataclass(frozen=True)
class EncodeJpeg(ImageTransform):
    """Encode an image as JPEG; gives bytes.

    Args:
        quality: 1..100, TensorFlow's default 95.
    """

    quality: int = 95

    def __post_init__(self) -> None:
        if whole_number(self.quality, minimum=1, name="quality", where="EncodeJpeg") > 100:
            raise ValueError(fault(f"quality must be at most 100, got {self.quality}.", where="EncodeJpeg", fix="pass 95"))

    def apply(self, image: Image) -> Any:
        """Return the file's content."""
        buffer = io.BytesIO()
        to_pillow(image, "EncodeJpeg").save(buffer, "JPEG", quality=self.quality)
        return buffer.getvalue()


@dataclass(frozen=True)
class ToPILImage(ImageTransform):
    """Turn an array into a pillow image: uint8 ``(H, W)`` or ``(H, W, C)``, or floats 0..1 ``(C, H, W)`` as ``ToTensor`` makes them."""

    def apply(self, image: Image) -> Image:
        """Return the pillow image; one passes unchanged."""
        return to_pillow(image, "ToPILImage")


def to_pillow(image: Image, where: str) -> pillow.Image:
    """Return a pillow image of an array; TypeError when its type or shape is none of an image."""
    if isinstance(image, pillow.Image):
        return image
    pixels = as_array(image)
    if pixels.dtype.kind == "f" and pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4):
        # torchvision cuts the fraction off here.
        pixels = (pixels.transpose(1, 2, 0) * 255).clip(0, 255).astype(np.uint8)
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4))):
        raise TypeError(
            fault(
                f"An array of {pixels.dtype} and shape {pixels.shape} is no picture.",
                where=where,
                fix="give uint8 (H, W) or (H, W, C), or floats 0..1 (C, H, W)",
            )
        )
    return pillow.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels))
