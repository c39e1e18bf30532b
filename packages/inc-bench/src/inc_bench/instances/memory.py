"""How much memory this process has."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from inc_bench.machine.files import text_of


def memory_bytes() -> tuple[int, int]:
    """This process' memory now, and the most it has had.

    ``ru_maxrss``, the fallback, also counts what the process that started this one had at that moment.
    """
    fields = dict(line.partition(":")[::2] for line in (text_of(Path("/proc/self/status")) or "").splitlines())
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    now, most = (int(fields[name].split()[0]) * 1024 if name in fields else peak_bytes for name in ("VmRSS", "VmHWM"))
    return now, max(now, most)  # the kernel updates the two at different moments
