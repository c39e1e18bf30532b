"""1.x's `Imagenet`: record files, or folders of one split."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from inc_data.datasets.image_folder import ImageFolder
from inc_data.datasets.records import Records
from inc_data.faults import checked_path, fault
from inc_data.transforms.parse import IMAGENET_LABEL, ParseDecodeImagenet


def imagenet(
    root: str | os.PathLike[str], subset: str | None = None, num_cores: int = 28, transform: Callable[[Any], Any] | None = None
) -> Records | ImageFolder:
    """Open ImageNet in one of its two layouts; found by what is there.

    Args:
        root: folder with record files ``<subset>-*-of-*``, or with a folder ``<subset>`` of one folder per class.
        subset: by default ``validation`` (records) or ``val`` (folders).
        num_cores: kept from 1.x; loading in parallel is the loader's (``DataLoader(num_workers=...)``).
        transform: applied to each item.

    Raises:
        ValueError: neither is there, or what is there is damaged.
    """
    folder = checked_path(root, where="Imagenet")
    records = sorted(folder.glob(f"{subset or 'validation'}-*-of-*"))
    if records:
        return Records(records, transform, ParseDecodeImagenet().parse, label_feature=IMAGENET_LABEL)
    images = folder / (subset or "val")
    if not images.is_dir():
        raise ValueError(
            fault(
                f"There are neither records {subset or 'validation'}-*-of-* nor a folder {subset or 'val'}.",
                where=str(folder),
                fix="give ImageNet's folder",
            )
        )
    return ImageFolder(images, transform)
