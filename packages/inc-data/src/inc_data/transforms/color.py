"""Random changes of brightness, contrast, saturation and hue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as pillow
from PIL import ImageEnhance

from inc_data.faults import fault, finite_number
from inc_data.images import as_array
from inc_data.protocols import Image
from inc_data.transforms.protocol import RandomTransform

Range = float | Sequence[float]
_ENHANCERS = {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast, "saturation": ImageEnhance.Color}


@dataclass(frozen=True)
class ColorJitter(RandomTransform):
    """Change brightness, contrast, saturation and hue by random amounts, in random order; torchvision's meaning of the numbers.

    Args:
        brightness: factor drawn from ``[max(0, 1 - b), 1 + b]``, or from a range (smallest, largest).
        contrast: the same.
        saturation: the same.
        hue: share of the colour circle drawn from ``[-h, h]``, ``h`` at most 0.5; or a range.
    """

    brightness: Range = 0.0
    contrast: Range = 0.0
    saturation: Range = 0.0
    hue: Range = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _ENHANCERS:
            object.__setattr__(self, name, _limits(getattr(self, name), name, centre=1.0, lowest=0.0, highest=float("inf")))
        object.__setattr__(self, "hue", _limits(self.hue, "hue", centre=0.0, lowest=-0.5, highest=0.5))

    def apply(self, image: Image) -> Image:
        """Return the changed image; arrays must be uint8 ``(H, W, 3)`` or one grey channel."""
        generator = self.draw()
        picture = image if isinstance(image, pillow.Image) else _picture(image)
        for name in generator.permutation(["brightness", "contrast", "saturation", "hue"]).tolist():
            low, high = getattr(self, name)
            if low == high == (0.0 if name == "hue" else 1.0):
                continue
            amount = float(generator.uniform(low, high))
            picture = _turned(picture, amount) if name == "hue" else _ENHANCERS[name](picture).enhance(amount)
        if isinstance(image, pillow.Image):
            return picture
        return as_array(picture).reshape(image.shape)


def _picture(pixels: Any) -> pillow.Image:
    grey = pixels.ndim == 2 or pixels.shape[2] == 1
    if pixels.dtype != np.uint8 or not (grey or pixels.shape[2] == 3):
        raise TypeError(
            fault(
                f"An array of {pixels.dtype} and shape {pixels.shape} has no colours.",
                where="ColorJitter",
                fix="give uint8 of shape (H, W, 3)",
            )
        )
    return pillow.fromarray(np.ascontiguousarray(pixels.reshape(pixels.shape[:2]) if grey else pixels))


def _turned(picture: pillow.Image, share: float) -> pillow.Image:
    if picture.mode != "RGB":
        return picture
    hue, saturation, value = picture.convert("HSV").split()
    # A whole turn is 256 steps: uint8 wraps as the circle does.
    turned = (np.asarray(hue).astype(np.int64) + round(share * 256)) % 256
    return pillow.merge("HSV", (pillow.fromarray(turned.astype(np.uint8)), saturation, value)).convert("RGB")


def _limits(value: Any, name: str, *, centre: float, lowest: float, highest: float) -> tuple[float, float]:
    if isinstance(value, list | tuple) and len(value) == 2:
        low, high = (finite_number(number, name=name, where="ColorJitter") for number in value)
    else:
        spread = finite_number(value, name=name, where="ColorJitter")
        low, high = (max(lowest, centre - spread) if name != "hue" else centre - spread), centre + spread
    if not lowest <= low <= high <= highest:
        raise ValueError(
            fault(
                f"{name}={value!r} is out of range.",
                where="ColorJitter",
                fix="pass a number of at least 0 (hue: at most 0.5), or (smallest, largest)",
            )
        )
    return low, high
