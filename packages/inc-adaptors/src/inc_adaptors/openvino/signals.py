"""The stack that a thread handles signals on, kept as it was while a library is loaded that would replace it.

On processors with AMX, OpenVINO's CPU plug-in gives the thread that loads it an alternate signal stack and unmaps it when it goes, without
a look at who uses it by then. Two plug-ins that overlap in time leave a thread with a stack that is no more: the next signal that Python
listens to, such as Ctrl-C, ends the process with a segmentation fault or overwrites what lies there now.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator


class _Stack(ctypes.Structure):
    """Linux' ``stack_t``."""

    _fields_ = (("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextlib.contextmanager
def signal_stack_kept() -> Iterator[None]:
    """Give this thread the alternate signal stack back that it had, or none where it had none; see sigaltstack(2)."""
    if not sys.platform.startswith("linux"):
        yield
        return
    libc, before = ctypes.CDLL(None), _Stack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        # A stack too small for AMX state is refused by the kernel, and the plug-in's stays.
        libc.sigaltstack(ctypes.byref(before), None)
