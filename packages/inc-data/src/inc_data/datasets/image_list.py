"""Images named in a text file: 'name label' per line."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.datasets.image_files import ImageFiles
from inc_data.faults import checked_path, fault

_log = logging.getLogger("inc_data")


class ImagenetRaw(ImageFiles):
    """Images of a list as items ``(image, label)``.

    Args:
        data_path: the folder that names in the list are relative to.
        image_list: text file with a name and a whole number per line; by default ``val.txt`` in ``data_path``.
        transform: as for ``ImageFolder``.
        mode: pillow mode that every image is converted to.

    Images that are listed and missing are passed over with one warning that counts them, as in 1.x.

    Raises:
        ValueError: no such folder or list, a line that is no name with a label, a name outside the folder, or no image of the list exists.
    """

    def __init__(
        self,
        data_path: str | os.PathLike[str],
        image_list: str | os.PathLike[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        *,
        mode: str = "RGB",
    ) -> None:
        root = checked_path(data_path, where="ImagenetRaw")
        listing = root / "val.txt" if image_list is None else checked_path(image_list, where="ImagenetRaw")
        listed = _read_list(root, listing)
        found = [(path, label) for path, label in listed if path.is_file()]
        if not found:
            raise ValueError(
                fault(
                    f"None of the {len(listed)} images exists.",
                    where=f"{listing}, in {root}",
                    fix="give the folder that the names are relative to",
                )
            )
        if len(found) < len(listed):
            missing = next(path for path, _ in listed if not path.is_file())
            _log.warning("%s: %d of %d images are missing, the first is %s", listing, len(listed) - len(found), len(listed), missing)
        super().__init__(root, [path for path, _ in found], np.array([label for _, label in found], np.int64), transform, mode=mode)


def _read_list(root: Path, listing: Path) -> list[tuple[Path, int]]:
    fix = "write one line per image: its name, a space and a whole number"
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(fault(f"The list cannot be read: {error}.", where=str(listing), fix=fix)) from error
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, _, label = line.strip().rpartition(" ")
        where = f"{listing}, line {number}"
        if not name.strip() or not label.lstrip("-").isdecimal():
            raise ValueError(fault(f"{line.strip()!r} is no name with a label.", where=where, fix=fix))
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(
                fault(f"{name!r} lies outside the folder.", where=where, fix="list names relative to the folder of the images")
            )
        entries.append((root / name.strip(), int(label)))
    if not entries:
        raise ValueError(fault("The list is empty.", where=str(listing), fix=fix))
    return entries
