"""From pillow to arrays, and the order of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as pillow

from inc_data.faults import fault
from inc_data.images import as_array
from inc_data.protocols import Image
from inc_data.transforms.protocol import ImageTransform


@dataclass(frozen=True)
class ToArray(ImageTransform):
    """Turn a pillow image into an array ``(H, W, C)``, uint8 for 8-bit images; a grey image has C = 1 (in 1.x it had no channel axis)."""

    def apply(self, image: Image) -> Image:
        """Return the array; an array passes unchanged."""
        return as_array(image)


@dataclass(frozen=True)
class Transpose(ImageTransform):
    """Order the axes anew: (2, 0, 1) turns ``(H, W, C)`` into ``(C, H, W)``, (1, 2, 0) turns it back."""

    perm: Sequence[int]

    def __post_init__(self) -> None:
        perm = tuple(self.perm) if isinstance(self.perm, list | tuple) else ()
        if not perm or not all(isinstance(axis, int) for axis in perm) or sorted(perm) != list(range(len(perm))):
            raise ValueError(
                fault(
                    f"perm must name every axis from 0 once, got {self.perm!r}.",
                    where="Transpose",
                    fix="pass (2, 0, 1) for (H, W, C) to (C, H, W)",
                )
            )
        object.__setattr__(self, "perm", perm)

    def apply(self, image: Image) -> Image:
        """Return a contiguous copy with the axes in the new order."""
        pixels = as_array(image)
        if pixels.ndim != len(self.perm):
            raise ValueError(
                fault(
                    f"An array of shape {pixels.shape} has {pixels.ndim} axes, perm {self.perm} names {len(self.perm)}.",
                    where="Transpose",
                    fix="give a permutation of the image's own axes",
                )
            )
        return np.ascontiguousarray(pixels.transpose(self.perm))


@dataclass(frozen=True)
class TransposeLastChannel(ImageTransform):
    """Turn ``(H, W, C)`` into ``(C, H, W)``: ``Transpose((2, 0, 1))`` under 1.x's name."""

    def apply(self, image: Image) -> Image:
        """Return a contiguous copy with channels first."""
        return Transpose((2, 0, 1)).apply(image)


@dataclass(frozen=True)
class ToTensor(ImageTransform):
    """Turn a pillow image or uint8 ``(H, W, C)`` into float32 ``(C, H, W)`` with levels 0..1; other types keep theirs."""

    def apply(self, image: Image) -> Image:
        """Return the array (numpy: frameworks' loaders make tensors of it)."""
        pixels = as_array(image)
        if pixels.ndim == 2:
            pixels = pixels[:, :, np.newaxis]
        first = np.ascontiguousarray(Transpose((2, 0, 1)).apply(pixels))
        return first / np.float32(255) if pixels.dtype == np.uint8 else first


_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class AlignImageChannel(ImageTransform):
    """Give every image ``dim`` channels.

    Of an array one channel is repeated and surplus channels are cut off, as in 1.x; a pillow image is converted (grey is luma).
    """

    dim: int = 3

    def __post_init__(self) -> None:
        if self.dim not in (1, 2, 3, 4) or isinstance(self.dim, bool):
            raise ValueError(fault(f"dim is 1, 2, 3 or 4, got {self.dim!r}.", where="AlignImageChannel", fix="pass dim=3"))

    def apply(self, image: Image) -> Image:
        """Return the image with ``dim`` channels; ValueError when it has fewer, but more than one."""
        if isinstance(image, pillow.Image):
            if self.dim not in _MODES:
                raise ValueError(fault(f"pillow has no mode of {self.dim} channels.", where="AlignImageChannel", fix="put ToArray before"))
            return image if image.mode == _MODES[self.dim] else image.convert(_MODES[self.dim])
        pixels = as_array(image)
        planes = pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
        if planes.ndim != 3 or 1 < planes.shape[2] < self.dim:
            raise ValueError(
                fault(
                    f"An array of shape {pixels.shape} cannot be given {self.dim} channels.",
                    where="AlignImageChannel",
                    fix="give (H, W) or (H, W, C)",
                )
            )
        return np.repeat(planes, self.dim, axis=2) if planes.shape[2] == 1 else planes[:, :, : self.dim]
