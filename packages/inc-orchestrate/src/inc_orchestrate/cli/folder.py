"""The output folder: one run per folder, marked as ours, so that nothing of others is ever overwritten."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

from inc_config.errors import StoreError
from inc_config.files import atomic_write

MARKER = "run.json"
LEDGER = "ledger"
MODEL = "model.onnx"
RECIPE = "preprocessing.json"
SAVED = "saved"
WEIGHTS = "model.onnx.data"
ORIGINAL = "original.onnx"
SAMPLES = "digits.npz"
OURS = (MODEL, WEIGHTS, ORIGINAL, SAMPLES, RECIPE, "report.md", "report.html", LEDGER, SAVED)
"""What a run leaves besides its marker; nothing else is ever removed."""
_ELSEWHERE = "give another folder with -o"


def check(folder: Path, *, resume: bool, force: bool) -> None:
    """Refuse a folder that ``claim`` would refuse, without writing anything.

    Raises:
        StoreError: it holds something else, or an earlier run without ``resume`` or ``force``; or it cannot be read.
    """
    try:
        found = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    except NotADirectoryError as error:
        raise StoreError("The output folder is a file.", where=str(folder), fix=_ELSEWHERE) from error
    except OSError as error:
        raise _unwritable(folder, error) from error
    if found and MARKER not in found:
        raise StoreError(
            f"The output folder already holds something else: {', '.join(found[:4])}{', ...' if len(found) > 4 else ''}.",
            where=str(folder),
            fix=f"{_ELSEWHERE}, or an empty one",
        )
    if found and not (resume or force):
        raise StoreError(
            f"The output folder holds an earlier run: {command_of(folder)}",
            where=str(folder),
            fix=f"add --resume to go on with it, --force to start over, or {_ELSEWHERE}",
        )


def claim(folder: Path, *, command_line: str, resume: bool, force: bool) -> None:
    """Make ``folder`` this run's own, before any work starts.

    A new or empty folder is taken. A folder of an earlier run goes on with ``resume``; ``force`` removes what that run wrote.

    Raises:
        StoreError: as for ``check``, or it cannot be written.
    """
    check(folder, resume=resume, force=force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if force:
            _empty(folder)
        if resume and (folder / MARKER).exists():
            return
        atomic_write(folder / MARKER, json.dumps({"version": 1, "command": command_line}, indent=2).encode())
    except OSError as error:
        raise _unwritable(folder, error) from error


def release(folder: Path) -> None:
    """Give up a claim after a fault that came before the first trial, so that the mended command can be typed again."""
    if (folder / SAVED).exists() or any(path.is_file() for path in (folder / LEDGER).rglob("*")):
        return
    with contextlib.suppress(OSError):  # the fault itself is what the user must hear of
        _empty(folder)
        (folder / MARKER).unlink()
        folder.rmdir()


def command_of(folder: Path) -> str:
    """The command that the folder's run was started with, or why it is not known."""
    try:
        return str(json.loads((folder / MARKER).read_text(encoding="utf-8"))["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"its {MARKER} cannot be read."


def _empty(folder: Path) -> None:
    for name in OURS:
        entry = folder / name
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(f"The output folder cannot be written: {error.strerror or error}.", where=str(folder), fix=_ELSEWHERE)
