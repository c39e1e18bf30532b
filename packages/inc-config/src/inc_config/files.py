"""Write files so that a crash at any moment leaves the old content or the new, never a mixture."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

fs = os
"""What touches the disk here. Fault-injection tests replace it with a stand-in that fails at a chosen call."""


def write_new(path: Path, data: bytes) -> None:
    """Create ``path``, which must not exist, and return once its content is on the disk.

    Raises:
        OSError: the file exists or cannot be written; what was written of it stays and is the caller's to remove.
    """
    descriptor = fs.open(path, fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | getattr(fs, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[fs.write(descriptor, rest) :]
        fs.fsync(descriptor)
    finally:
        fs.close(descriptor)


def fsync_dir(folder: Path) -> None:
    """Put a folder's own entries (creations, renames, removals) on the disk; does nothing where folders cannot be opened.

    Raises:
        OSError: the disk reports a failure.
    """
    if not hasattr(fs, "O_DIRECTORY"):
        return
    descriptor = fs.open(folder, fs.O_RDONLY | fs.O_DIRECTORY)
    try:
        fs.fsync(descriptor)
    finally:
        fs.close(descriptor)


def atomic_write(path: Path, data: bytes) -> None:
    """Replace or create ``path``: afterwards, and after a crash at any moment, it holds all of the old content or all of ``data``.

    Raises:
        OSError: nothing was replaced, or (a failing disk) the replacement is visible but not known to be durable.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        write_new(temporary, data)
        fs.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            fs.unlink(temporary)
        raise
    fsync_dir(path.parent)
