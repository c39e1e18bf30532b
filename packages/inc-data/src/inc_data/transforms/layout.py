"""From pillow to arrays, and the order of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
