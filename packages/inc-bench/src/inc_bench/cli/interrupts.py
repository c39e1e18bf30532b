"""Signals that end the command end its instances too."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

AGAIN_S = 1.0
"""An impatient second signal within this time is not heeded: instances are being ended."""


@contextlib.contextmanager
def interrupts_as_exceptions() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise SystemExit and SIGINT KeyboardInterrupt, each once while its consequences are under way.

    What is ignored, as ``nohup`` makes SIGHUP, stays so.
    """
    last_s = float("-inf")

    def leave(number: int, _: object) -> None:
        nonlocal last_s
        now = time.monotonic()
        if now - last_s < AGAIN_S:
            return
        last_s = now
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    wanted = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, leave) for number in wanted if signal.getsignal(number) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
