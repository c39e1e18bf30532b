"""Find out before any work whether a folder can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from inc_config.errors import StoreError


def check_writable(folder: Path, *, where: str) -> None:
    """Create the folder if need be and write a file in it.

    Raises:
        StoreError: either fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".inc-")
        os.close(descriptor)
        os.unlink(name)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be written: {error.strerror or error}.", where=where, fix="choose another folder, or free the disk"
        ) from error
