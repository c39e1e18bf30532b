"""Items that are image files with a label each: what folders, lists and layouts of images have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import ImageMode

from inc_data.faults import fault
from inc_data.fingerprint import Digest, describe
from inc_data.images import open_image
from inc_data.protocols import IndexArray, Item
from inc_data.transforms.protocol import apply_to_item


class ImageFiles:
    """Image files as items ``(image, label)``, or ``image`` without labels.

    Args:
        root: the folder that names in the digest are relative to.
        paths: the files.
        labels: one number per file, shape ``(N,)``, or None.
        transform: applied to each decoded pillow image, or to (image, label) where it knows pairs. None leaves the pillow image;
            preprocessing is never guessed.
        mode: pillow mode that every image is converted to.

    Raises:
        ValueError: pillow has no such mode.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[Path],
        labels: IndexArray | None = None,
        transform: Callable[[Any], Any] | None = None,
        *,
        mode: str = "RGB",
    ) -> None:
        self.root = root
        self.paths = tuple(paths)
        self._labels = labels
        self.transform = transform
        self.mode = checked_mode(mode, where=type(self).__name__)

    @property
    def labels(self) -> IndexArray | None:
        """Class numbers of all images, int64 of shape ``(N,)``, or None for images without classes."""
        return self._labels

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Item:
        image = open_image(self.paths[index], mode=self.mode)
        item = image if self._labels is None else (image, int(self._labels[index]))
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=self._labels is not None)

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over names and contents of the files, their classes, the mode and the transform."""
        digest = Digest("images", self.mode, describe(self.transform))
        for index in indices.tolist():
            path = self.paths[index]
            digest.add_text(f"{path.relative_to(self.root).as_posix()} {-1 if self._labels is None else self._labels[index]}")
            digest.add_file(path)
        return digest.hexdigest()


def checked_mode(mode: str, *, where: str) -> str:
    """Return a mode that pillow knows; ValueError for another."""
    try:
        ImageMode.getmode(mode)
    except KeyError as error:
        raise ValueError(fault(f"Unknown mode {mode!r}.", where=where, fix="a mode of pillow such as 'RGB', 'L' or 'RGBA'")) from error
    return mode
