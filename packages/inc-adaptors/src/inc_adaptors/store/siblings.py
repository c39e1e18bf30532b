"""The two folders beside a saved one while it is replaced, and how a killed replacement is put right.

``.NAME.inc-saving`` is the new content being written, ``.NAME.inc-previous`` the earlier one between the two renames.
Whoever touches them holds a lock on the parent folder, which leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from inc_config import files

from inc_adaptors.store.manifest import MANIFEST

try:
    import fcntl
except ImportError:  # not a POSIX system: saving works, two processes saving to one folder at once are not kept apart
    fcntl = None  # type: ignore[assignment]  # the module's absence


def saving(folder: Path) -> Path:
    """Where the new content is written."""
    return folder.with_name(f".{folder.name}.inc-saving")


def previous(folder: Path) -> Path:
    """Where the earlier content waits."""
    return folder.with_name(f".{folder.name}.inc-previous")


@contextlib.contextmanager
def locked(parent: Path) -> Iterator[None]:
    """Keep other processes from saving below ``parent`` meanwhile.

    Raises:
        OSError: the folder cannot be opened.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # file systems without locks: as on systems without fcntl
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def recover(folder: Path) -> None:
    """Bring the earlier save back if a replacement was killed between its two renames.

    Raises:
        OSError: the earlier save is there but cannot be renamed.
    """
    if folder.exists() or not (previous(folder) / MANIFEST).is_file():
        return
    with locked(folder.parent):
        if not folder.exists() and (previous(folder) / MANIFEST).is_file():
            files.fs.rename(previous(folder), folder)
            files.fsync_dir(folder.parent)


def discard(folder: Path) -> None:
    """Remove a folder that is no longer needed; its manifest goes first, so that half of it is never taken for a save."""
    with contextlib.suppress(OSError):  # what stays is removed by the next save
        files.fs.unlink(folder / MANIFEST)
    shutil.rmtree(folder, ignore_errors=True)
