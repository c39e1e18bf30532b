"""A folder of images: one sub-folder per class, or images alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.datasets.image_files import ImageFiles
from inc_data.faults import checked_path, fault
from inc_data.images import SUFFIXES
from inc_data.protocols import IndexArray


class ImageFolder(ImageFiles):
    """Images under ``root/<class>/`` as items ``(image, label)``, or images straight in ``root`` as items ``image``.

    Classes are the sub-folders in sorted order and labels their positions; images inside a class are found at any depth, in sorted order.
    Hidden files, and files whose suffix is no image's, are passed over.

    Args:
        root: the folder.
        transform: applied to each decoded pillow image, or to (image, label) where it knows pairs. None leaves the pillow image;
            preprocessing is never guessed.
        mode: pillow mode that every image is converted to.

    Raises:
        ValueError: ``root`` is no folder, holds no images, holds images beside class folders, or a class folder holds none;
            or pillow has no such mode.
    """

    def __init__(self, root: str | os.PathLike[str], transform: Callable[[Any], Any] | None = None, *, mode: str = "RGB") -> None:
        folder = checked_path(root, where="ImageFolder")
        if not folder.is_dir():
            raise ValueError(fault("There is no such folder.", where=str(folder), fix="give the folder that holds the images"))
        self.classes, paths, labels = find_classes(folder)
        super().__init__(folder, paths, labels, transform, mode=mode)


def find_classes(root: Path) -> tuple[tuple[str, ...], tuple[Path, ...], IndexArray | None]:
    """Return class names, the images of all classes and their class numbers; without sub-folders no names and no numbers."""
    loose = _images_in(root, [entry.name for entry in root.iterdir()])
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    found = {folder.name: _images_below(folder) for folder in folders}
    if loose and any(found.values()):
        mixed = next(name for name, paths in found.items() if paths)
        raise ValueError(
            fault(
                f"The folder holds images ({loose[0].name}, ...) beside folders of images ({mixed}, ...).",
                where=str(root),
                fix="move the images into class folders, or into a folder of their own",
            )
        )
    if loose:
        return (), tuple(loose), None
    empty = [name for name, paths in found.items() if not paths]
    if empty or not found:
        raise ValueError(
            fault(
                f"No images in {'class ' if empty else ''}{', '.join(empty) or 'the folder'}.",
                where=str(root),
                fix=f"put images there ({', '.join(sorted(SUFFIXES))})" + (", or remove the empty class folder" if empty else ""),
            )
        )
    labels = np.repeat(np.arange(len(found), dtype=np.int64), [len(paths) for paths in found.values()])
    return tuple(found), tuple(path for paths in found.values() for path in paths), labels


def _images_below(folder: Path) -> list[Path]:
    return sorted(path for parent, _, names in os.walk(folder) for path in _images_in(Path(parent), names))


def _images_in(folder: Path, names: list[str]) -> list[Path]:
    candidates = (folder / name for name in names if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES)
    return sorted(path for path in candidates if path.is_file())
