"""Peak memory of loading and running a model, as this process sees it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from pathlib import Path
from typing import Any

from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def peak_memory_bytes(adaptor: Adaptor, handle: ModelHandle, inputs: Any) -> int | None:
    """Resident bytes that making a predictor and one call on ``inputs`` add at their peak; None where the system does not tell (not Linux).

    Good enough to rank models of one run: memory that libraries keep for reuse counts for whoever asked first.
    """
    _give_back()
    try:
        _CLEAR.write_text(_RESET_PEAK)
        before = _kilobytes("VmRSS")
        adaptor.predictor(handle)(inputs)
        return max(0, _kilobytes("VmHWM") - before) * 1024
    except (OSError, KeyError):
        return None


def _give_back() -> None:
    """Return what was freed to the system, so that it is not taken for free memory of the next model."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _kilobytes(name: str) -> int:
    fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(fields[name].split()[0])
