"""Ends instances whose benchmark was killed: ``python -m inc_bench.watchdog`` reads their mark and groups and waits for its input to close.

An instance that hangs inside a library cannot notice that its parent is gone, and one that is killed for it leaves its own children behind;
a process beside them can end the whole group, and all that bears the mark.
"""

from __future__ import annotations

import contextlib
import os
import signal

from inc_bench.instances.marks import end_marked
from inc_bench.worker import read_line


def main() -> None:
    """Remember the mark and then every line as a group's number; on ``done`` leave, at the input's end kill all groups and the marked."""
    mark, groups = read_line(0).decode(), []
    while line := read_line(0):
        if line == b"done":
            return
        groups.append(int(line))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    end_marked(mark)


if __name__ == "__main__":
    main()
