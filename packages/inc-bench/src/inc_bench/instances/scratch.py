"""Where instances leave their logs and times while a benchmark runs."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inc_config.errors import StoreError


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for logs and times, removed afterwards.

    Raises:
        StoreError: the system has no writable temporary folder.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="inc-bench-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StoreError(
            f"There is no folder for logs and times: {error.strerror}.",
            where=", ".join(filter(None, (os.environ.get("TMPDIR"), "/tmp"))),  # noqa: S108  # named, not written to
            fix="set TMPDIR to a folder that is writable and has room",
        ) from error
    with folder as name:
        yield Path(name)
