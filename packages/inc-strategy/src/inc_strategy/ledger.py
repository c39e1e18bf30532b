"""The record of a search: append-only events that survive a crash and replay to the same items."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from inc_strategy.actions import Evaluate, Probe
from inc_strategy.trial import Item, ProbeResult, Trial


class Ledger:
    """Events of one search in a folder, open for writing by this process alone.

    Use ``with Ledger.open(folder, fingerprints) as ledger``: ``index = ledger.proposed(action)``, ``ledger.started(index)``,
    ``ledger.finished(trial_or_probe_result)``; ``replay()`` gives the items for the next view; ``record`` keeps facts such as the baseline.
    """

    @classmethod
    def open(cls, folder: Path, fingerprints: Mapping[str, str]) -> Self:
        """Open or create; proposals that an earlier process never finished become LOST.

        Raises:
            LedgerError: in use by another process, of another run, damaged, newer than this version, or not writable.
        """

    def proposed(self, action: Evaluate | Probe) -> int:
        """Append a proposal and return its index."""

    def started(self, index: int) -> None:
        """Append that work on a proposal has begun."""

    def finished(self, result: Trial | ProbeResult) -> None:
        """Append a proposal's result (``result.index`` says which)."""

    def record(self, name: str, value: Any) -> None:
        """Keep a JSON-ready fact, such as the baseline's accuracy; the last one of a name counts."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Recorded facts by name."""

    def replay(self) -> tuple[Item, ...]:
        """Every item in proposal order."""

    def close(self) -> None:
        """Release the lock; the ledger can be opened again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
