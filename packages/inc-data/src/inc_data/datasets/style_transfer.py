"""Every content image with every style image."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.faults import checked_path, fault, finite_number
from inc_data.fingerprint import Digest, describe
from inc_data.images import as_array, open_image
from inc_data.protocols import Array, IndexArray
from inc_data.transforms.protocol import apply_to_item, pair
from inc_data.transforms.resize import resized


class StyleTransfer:
    """Pairs of images as items ``((content, style), 0)``, float32 (height, width, 3) with levels 0..1; the style varies fastest.

    Args:
        content_folder: folder of images.
        style_folder: folder of images.
        crop_ratio: share of each side that is cut off all around before resizing: ``int(ratio * side)`` pixels.
        resize_shape: (height, width).
        image_format: suffix of the files.
        transform: applied to each item.

    Raises:
        ValueError: a folder holds no such file, or a number is out of range.
    """

    def __init__(
        self,
        content_folder: str | os.PathLike[str],
        style_folder: str | os.PathLike[str],
        *,
        crop_ratio: float = 0.1,
        resize_shape: Sequence[int] = (256, 256),
        image_format: str = "jpg",
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.content = _images(content_folder, image_format)
        self.style = _images(style_folder, image_format)
        if not 0 <= finite_number(crop_ratio, name="crop_ratio", where="style_transfer") < 0.5:
            raise ValueError(fault(f"crop_ratio is a share below one half, got {crop_ratio}.", where="style_transfer", fix="pass 0.1"))
        self._crop = crop_ratio
        self._size = pair(resize_shape, name="resize_shape", where="style_transfer")
        self.transform = transform

    def __len__(self) -> int:
        return len(self.content) * len(self.style)

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(
                fault(f"There is no item {index}.", where=f"style_transfer of {len(self)} pairs", fix="ask for an item in range")
            )
        content, style = divmod(index % len(self), len(self.style))
        item = (self._read(self.content[content]), self._read(self.style[style])), 0
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=True)

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over the files of the pairs, cropping, size and the transform."""
        digest = Digest("style_transfer", describe(self.transform), f"{self._crop} {self._size}")
        for index in indices.tolist():
            content, style = divmod(index, len(self.style))
            digest.add_file(self.content[content])
            digest.add_file(self.style[style])
        return digest.hexdigest()

    def _read(self, path: Path) -> Array:
        image = open_image(path)
        left, top = int(self._crop * image.width), int(self._crop * image.height)
        part = image.crop((left, top, image.width - left, image.height - top))
        return as_array(resized(part, *self._size, interpolation="bilinear")).astype(np.float32) / np.float32(255)


def _images(folder: str | os.PathLike[str], suffix: str) -> tuple[Path, ...]:
    path = checked_path(folder, where="style_transfer")
    found = sorted(entry for entry in path.glob(f"*.{suffix}") if entry.is_file())
    if not found:
        raise ValueError(
            fault(f"There are no images *.{suffix}.", where=str(path), fix="give a folder of images, and their suffix as image_format")
        )
    return tuple(found)
