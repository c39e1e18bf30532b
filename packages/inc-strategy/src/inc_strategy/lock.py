"""One writer per folder, for as long as its process lives."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import warnings
from pathlib import Path

from inc_config.errors import LedgerError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]  # tested for below

_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
_held: set[int] = set()


class LedgerWarning(UserWarning):
    """The folder's file system has no locks."""


class FolderLock:
    """An advisory lock on ``folder/lock``. The system lets go of it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            LedgerError: another writer holds it.
            OSError: the lock file cannot be made.
        """
        self._path = folder / "lock"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            self._lock()
        except BaseException:
            os.close(self._descriptor)
            raise
        _held.add(self._descriptor)
        with contextlib.suppress(OSError):  # who holds it is for messages only
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)

    def release(self) -> None:
        """Let the next writer in."""
        if self._descriptor in _held:
            _held.discard(self._descriptor)
            os.close(self._descriptor)

    def _lock(self) -> None:
        if fcntl is None:
            self._warn("this system has no flock")
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._descriptor, 200, 0).decode("utf-8", "replace") or "another process"
            fix = "wait for it to end, end it, or use another folder"
            raise LedgerError(f"The ledger is in use by {owner}.", where=str(self._path.parent), fix=fix) from error
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            self._warn(error.strerror or "the file system has no locks")

    def _warn(self, why: str) -> None:
        text = f"{self._path.parent} cannot be locked ({why}): make sure that no other process writes this ledger, or use a local folder."
        warnings.warn(text, LedgerWarning, stacklevel=5)


def _let_go_in_child() -> None:
    """Close a forked worker's copy: it would hold the lock after its parent has died. The parent's own lock stays in place."""
    for descriptor in _held:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)
