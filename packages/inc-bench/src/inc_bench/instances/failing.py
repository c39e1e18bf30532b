"""How instances fail, told with the end of their log."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inc_config.errors import IncError

_LOG_LINES = 20


class InstanceError(IncError, RuntimeError):
    """An instance crashed, hung, ran out of memory, or its model raised; the end of its log is part of the message.

    ``kind`` is the class name of the error inside the instance, empty where it could not say; ``refused`` tells that it did not break but
    refused its model or data.
    """

    def __init__(self, what: str, *, where: str, fix: str, kind: str = "", refused: bool = False) -> None:
        super().__init__(what, where=where, fix=fix)
        self.kind = kind
        self.refused = refused


def raised(event: Mapping[str, Any], *, place: str, log: Path) -> InstanceError:
    """What an instance said before it ended."""
    where = f"{event['where']}; {place}" if event["where"] else place
    fix, refused = event["fix"] or "run the model once on the same inputs", event["refused"]
    end = "" if refused and not log.stat().st_size else f"\n{tail(log)}"
    return InstanceError(event["what"], where=where, fix=f"{fix}{end}", kind=event["kind"], refused=refused)


def ended(code: int, *, index: int, place: str, log: Path) -> InstanceError:
    """An instance that ended without a word; ``code`` is its exit code, negative for the signal that killed it."""
    how, fix = f"ended with exit code {code}", "look at its log"
    if code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
        if -code == signal.SIGKILL:
            how += ", most likely because memory ran out"
            fix = "use fewer instances, a smaller batch, or a smaller model; look at its log"
    return InstanceError(f"Instance {index} {how}.", where=place, fix=f"{fix}\n{tail(log)}")


def hung(failure: str, timeout_s: float, *, index: int, place: str, log: Path) -> InstanceError:
    """An instance that has made no progress for too long."""
    fix = f"look at its log; give a longer --timeout if the model is that slow\n{tail(log)}"
    return InstanceError(f"Instance {index} {failure} for {timeout_s:g} s.", where=place, fix=fix)


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join(["  log:", *(f"    {line}" for line in lines)]) if lines else "  its log is empty"
