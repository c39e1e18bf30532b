"""Flips."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image as pillow

from inc_data.faults import fault, finite_number
from inc_data.protocols import Image
from inc_data.transforms.geometry import image_size
from inc_data.transforms.protocol import RandomTransform


@dataclass(frozen=True)
class RandomHorizontalFlip(RandomTransform):
    """Swap left and right with probability ``p``."""

    p: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= finite_number(self.p, name="p", where="RandomHorizontalFlip") <= 1.0:
            raise ValueError(fault(f"p is a probability, got {self.p}.", where="RandomHorizontalFlip", fix="pass 0.0 to 1.0"))

    def apply(self, image: Image) -> Image:
        """Return the image or its mirror image; of an array it is a view."""
        image_size(image, "RandomHorizontalFlip")
        if self.draw().random() >= self.p:
            return image
        if isinstance(image, pillow.Image):
            return image.transpose(pillow.Transpose.FLIP_LEFT_RIGHT)
        return image[:, ::-1]
