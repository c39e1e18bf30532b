"""The record of a search: append-only events that survive a crash and replay to the same items.

A folder holds ``events.jsonl`` (journal.py says how), ``plans/<digest>.json``, each plan once, and ``lock``.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from inc_config import files
from inc_config.convert import from_json
from inc_config.errors import ConfigError, IncError, LedgerError
from inc_config.frozen import freeze, thaw
from inc_config.plan import QuantizationPlan

from inc_strategy import events
from inc_strategy.actions import Evaluate, Probe
from inc_strategy.journal import Journal, decode, read
from inc_strategy.lock import FolderLock
from inc_strategy.trial import Item, Pending, ProbeResult, Trial, TrialStatus

FORMAT = 1
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Ledger:
    """Events of one search in a folder, open for writing by this process alone.

    Use ``with Ledger.open(folder, fingerprints) as ledger``: ``index = ledger.proposed(action)``, ``ledger.started(index)``,
    ``ledger.finished(result)``; ``replay()`` gives the items for the next view; ``record`` keeps facts such as the baseline.
    Every event is on the disk when its call returns; a call that raised may be repeated.
    """

    def __init__(self, folder: Path, lock: FolderLock) -> None:
        self._folder = folder
        self._lock = lock
        self._process = os.getpid()
        self._is_open = True
        self._fingerprints: dict[str, str] = {}
        self._journal: Journal | None = None
        self._items: list[Item] = []
        self._facts: dict[str, Any] = {}
        self._plans: dict[str, QuantizationPlan] = {}

    @classmethod
    def open(cls, folder: Path, fingerprints: Mapping[str, str]) -> Self:
        """Open or create; proposals that an earlier process never finished become LOST.

        Args:
            folder: made where it does not exist.
            fingerprints: what the trials depend on by name (model, data, target, configuration without the exit policy, versions); a
                ledger made with others is refused.

        Raises:
            LedgerError: in use by another process, of another run, damaged, newer than this version, or not writable.
        """
        try:
            (folder / "plans").mkdir(parents=True, exist_ok=True)
            lock = FolderLock(folder)
        except OSError as error:
            raise _unwritable(folder, error) from error
        ledger = cls(folder, lock)
        try:
            ledger._load(dict(fingerprints))
            for item in ledger.replay():
                if isinstance(item, Pending):
                    ledger.finished(events.lost(item))
        except BaseException as error:
            ledger.close()
            if isinstance(error, OSError):
                raise _unwritable(folder, error) from error
            raise
        return ledger

    def proposed(self, action: Evaluate | Probe) -> int:
        """Append a proposal and return its index."""
        index = len(self._live())
        self._keep(action.plan)
        self._append({"kind": "proposed", "index": index, **events.describe(action)})
        return index

    def started(self, index: int) -> None:
        """Append that work on a pending proposal has begun."""
        items = self._live()
        if not (0 <= index < len(items) and isinstance(items[index], Pending)):
            raise ValueError(f"proposal {index} is not pending")
        self._append({"kind": "started", "index": index})

    def finished(self, result: Trial | ProbeResult) -> None:
        """Append the result of the pending proposal ``result.index``.

        Raises:
            ValueError: that proposal is not pending, or was another plan.
            LedgerError: the disk is full or fails.
        """
        items = self._live()
        pending = items[result.index] if 0 <= result.index < len(items) else None
        if pending == result:
            return
        if not events.answers(result, pending):
            raise ValueError(f"proposal {result.index} is not pending, or not for this plan")
        self._append({"kind": "finished", "index": result.index, **events.describe_result(result)})

    def record(self, name: str, value: Any) -> None:
        """Keep a fact (JSON data), such as the baseline's accuracy; the last one of a name counts."""
        self._append({"kind": "fact", "name": name, "value": thaw(freeze(value))})

    @property
    def facts(self) -> Mapping[str, Any]:
        """Recorded facts by name."""
        self._live()
        return dict(self._facts)

    def replay(self) -> tuple[Item, ...]:
        """Every item in proposal order."""
        return tuple(self._live())

    def close(self) -> None:
        """Release the lock; the ledger can be opened again."""
        self._is_open = False
        self._forget()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _load(self, fingerprints: dict[str, str]) -> None:
        self._fingerprints = fingerprints
        for folder in (self._folder, self._folder / "plans"):
            _sweep(folder)
            files.fsync_dir(folder)
        path = self._folder / "events.jsonl"
        if path.exists():
            self._read()
        else:
            self._journal = Journal.create(path, {"kind": "header", "format": FORMAT, "fingerprints": fingerprints})

    def _read(self) -> None:
        path = self._folder / "events.jsonl"
        self._items, self._facts = [], {}
        self._journal, found = Journal.open(path)
        _check_header(found, self._fingerprints, path)
        for line, event in enumerate(found[1:], start=2):
            try:
                self._apply(event)
            except (KeyError, ValueError, TypeError, IndexError, AttributeError, ConfigError) as error:
                what = f"Line {line} is not an event that can follow the lines before it: {error!r:.200}."
                raise LedgerError(
                    what, where=f"{path}, line {line}", fix="restore the file from a copy, or start in another folder"
                ) from error

    def _live(self) -> list[Item]:
        """The items; read again from the disk when the last append was interrupted and may or may not have happened."""
        if self._journal is None and self._is_open:
            try:
                self._read()
            except BaseException as error:
                self._forget()
                if isinstance(error, OSError):
                    raise _unwritable(self._folder, error) from error
                raise
        return self._items

    def _forget(self) -> None:
        if self._journal is not None:
            journal, self._journal = self._journal, None
            journal.close()

    def _append(self, event: dict[str, Any]) -> None:
        if not self._is_open or self._process != os.getpid():
            fix = "open it again in the process that writes, after the other has closed it"
            raise LedgerError("The ledger is closed, or was opened by another process.", where=str(self._folder), fix=fix)
        self._live()
        try:
            self._journal.append({**event, "time": round(time.time(), 3)})  # type: ignore[union-attr]  # _live has opened it
            self._apply(event)
        except BaseException:
            self._forget()
            raise

    def _apply(self, event: dict[str, Any]) -> None:
        kind = event["kind"]
        if kind == "fact":
            self._facts[event["name"]] = event["value"]
            return
        index = event["index"]
        if type(index) is not int or index < 0:
            raise ValueError(f"{index!r} is not an index")
        if kind == "proposed" and index == len(self._items):
            self._items.append(Pending(index=index, action=events.action_of(event, self._plan(event["plan"]))))
            return
        item = self._items[index]
        if not isinstance(item, Pending) or kind not in ("started", "finished"):
            raise ValueError(f"{kind} of proposal {index} does not fit")
        if kind == "finished":
            self._items[index] = events.result_of(event, item)

    def _keep(self, plan: QuantizationPlan) -> None:
        if plan.digest in self._plans:
            return
        path = self._plan_path(plan.digest)
        try:
            if path.exists():
                files.fsync_dir(path.parent)
            else:
                files.atomic_write(path, events.plan_text(plan).encode())
        except OSError as error:
            raise _unwritable(path, error) from error
        self._plans[plan.digest] = plan

    def _plan(self, digest: str) -> QuantizationPlan:
        if digest not in self._plans:
            self._plans[digest] = self._read_plan(digest)
        return self._plans[digest]

    def _read_plan(self, digest: str) -> QuantizationPlan:
        path = self._plan_path(digest)
        fix = "restore the file from a copy, or start in another folder"
        try:
            plan = from_json(path.read_text("utf-8"), QuantizationPlan, source=str(path))
        except (OSError, UnicodeDecodeError, IncError) as error:
            raise LedgerError(f"The plan {digest[:12]} of a trial cannot be read.", where=str(path), fix=fix) from error
        if plan.digest != digest:
            raise LedgerError(f"The plan {digest[:12]} was changed after it was recorded.", where=str(path), fix=fix)
        return plan

    def _plan_path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a digest")
        return self._folder / "plans" / f"{digest}.json"


def recorded_trials(folder: Path) -> int:
    """How many trials of a ledger count towards ``max_trials``: evaluated or failed, not lost. 0 where there is none; takes no lock.

    Raises:
        LedgerError: the file is damaged or cannot be read.
    """
    path = folder / "events.jsonl"
    if not path.exists():
        return 0
    found, _, _ = decode(read(path), where=str(path))
    evaluations = {event["index"] for event in found if event.get("kind") == "proposed" and event.get("action") == "evaluate"}
    ended = {event["index"]: event.get("status") for event in found if event.get("kind") == "finished"}
    return sum(index in evaluations and status != TrialStatus.LOST.value for index, status in ended.items())


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half written (only the holder of the lock gets here)."""
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            path.unlink()


def _check_header(found: list[dict[str, Any]], fingerprints: dict[str, str], path: Path) -> None:
    other_folder = "start in another folder"
    header = found[0] if found else {}
    if header.get("kind") != "header" or not isinstance(header.get("fingerprints"), dict):
        raise LedgerError("The file does not begin with a ledger's header.", where=f"{path}, line 1", fix=other_folder)
    if header.get("format") != FORMAT:
        what = f"The ledger has format {header.get('format')!r}; this version reads {FORMAT}."
        raise LedgerError(what, where=f"{path}, line 1", fix=f"use the version that wrote it, or {other_folder}")
    recorded = header["fingerprints"]
    differing = [name for name in sorted({*recorded, *fingerprints}) if recorded.get(name) != fingerprints.get(name)]
    if differing:
        sides = "; ".join(f"{name}: {_short(recorded.get(name))} there, {_short(fingerprints.get(name))} here" for name in differing)
        what = f"The ledger belongs to another run: its {', '.join(differing)} differ{'s' * (len(differing) == 1)}."
        raise LedgerError(f"{what} ({sides})", where=f"{path}, line 1", fix=f"use what the ledger was made with, or {other_folder}")


def _short(fingerprint: object) -> str:
    """A fingerprint for people: the beginning of a digest, other text whole."""
    text = str(fingerprint or "none")
    return text[:12] if _DIGEST.fullmatch(text) else text


def _unwritable(path: Path, error: OSError) -> LedgerError:
    fix = "choose a folder that is writable and on a disk with free space; everything recorded before is kept"
    return LedgerError(f"Cannot write: {error.strerror}.", where=str(path), fix=fix)
