"""One benchmark instance: a process of its own, started as ``python -m inc_bench.worker`` with a job as JSON on its standard input.

Only the standard library is imported up to the point where the process is pinned: numerical libraries start their threads when they are
imported, and a thread keeps the processors its maker was allowed.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import sys

_PR_SET_PDEATHSIG = 1
_MPOL_BIND = 2
_SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237}  # Linux' system call numbers


def die_with(parent: int) -> None:
    """Be killed when the parent ends, however it ends; the process that waits on a closed pipe cannot be counted on when it hangs."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def pin(cpus: list[int]) -> str:
    """Keep this process, and the threads it will start, on these processors; returns a message where that is not possible."""
    if not cpus:
        return ""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned: this system has no affinity masks"
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        return f"not pinned to processors {cpus}: {error.strerror}"
    return ""


def bind_memory(node: int | None) -> str:
    """Take memory from one node only; returns a message where that is not permitted."""
    number = _SET_MEMPOLICY.get(platform.machine())
    if node is None:
        return ""
    if number is None or not sys.platform.startswith("linux"):
        return "memory is not bound to a node: this system cannot"
    libc = ctypes.CDLL(None, use_errno=True)
    bits = 8 * ctypes.sizeof(ctypes.c_ulong)
    words = node // bits + 1
    mask = (ctypes.c_ulong * words)()
    mask[node // bits] = 1 << node % bits
    # The kernel reads maxnode - 1 bits.
    if libc.syscall(number, _MPOL_BIND, mask, ctypes.c_ulong(words * bits + 1)):
        return f"memory is not bound to node {node}: {os.strerror(ctypes.get_errno())}"
    return ""


def read_line(descriptor: int) -> bytes:
    """Read up to a line's end, byte by byte so that nothing beyond it is taken; what came so far where the input ends."""
    line = bytearray()
    while (byte := os.read(descriptor, 1)) not in (b"\n", b""):
        line += byte
    return bytes(line)


def main() -> None:
    """Read the job, pin, then load everything else."""
    job = json.loads(read_line(0))
    die_with(job["parent"])
    notes = [note for note in (pin(job["cpus"]), bind_memory(job["bind_node"])) if note]
    # The parent reads events; whatever the model prints goes to the log.
    events = os.dup(1)
    os.dup2(2, 1)
    from inc_bench.instances.serving import serve  # noqa: PLC0415  # imports numerical libraries: only after pinning

    serve(job, events, notes)


if __name__ == "__main__":
    main()
