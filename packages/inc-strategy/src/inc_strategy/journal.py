"""A file of events, one JSON line each, that a crash can only cut at its end.

A line is ``{"sum":"<16 hex digits>","event":{...}}``: the sum covers the event and the sum before it, so that a changed, missing or
moved line is found.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inc_config import files
from inc_config.errors import LedgerError

_HEAD, _MIDDLE, _TAIL = b'{"sum":"', b'","event":', b"}"
_SUM_LENGTH = 16


def encode(event: Mapping[str, Any], previous: str) -> tuple[bytes, str]:
    """The line of an event, and its sum."""
    body = json.dumps(event, sort_keys=True, separators=(",", ":")).encode()
    checksum = _sum(previous, body)
    return _HEAD + checksum.encode() + _MIDDLE + body + _TAIL + b"\n", checksum


def decode(data: bytes, *, where: str) -> tuple[list[dict[str, Any]], int, str]:
    """Every event, how many bytes of ``data`` they take (a torn last line is left over), and the last sum.

    Raises:
        LedgerError: a line that is not the torn end does not fit its sum.
    """
    events: list[dict[str, Any]] = []
    checksum, start = "", 0
    while (end := data.find(b"\n", start)) >= 0:
        body, found = _split(data[start:end])
        if body is None or found != _sum(checksum, body):
            if end == len(data) - 1 and b"\0" in data[start:end]:
                break
            raise _damaged(len(events) + 1, where)
        try:
            event = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _damaged(len(events) + 1, where) from error
        events.append(event)
        checksum, start = found, end + 1
    return events, start, checksum


def read(path: Path) -> bytes:
    """All of a file.

    Raises:
        LedgerError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        fix = "check its permissions and the disk, or start in another folder"
        raise LedgerError(f"Cannot read: {error.strerror}.", where=str(path), fix=fix) from error


class Journal:
    """An events file open for appending.

    Each ``append`` is on the disk when it returns. After one that raised, open the file again: what it wrote was taken back if the disk
    let it.
    """

    def __init__(self, path: Path, *, length: int, checksum: str) -> None:
        fs = files.fs
        self._path = path
        self._length = length
        self._checksum = checksum
        self._descriptor = fs.open(path, fs.O_WRONLY | fs.O_APPEND | getattr(fs, "O_CLOEXEC", 0) | getattr(fs, "O_BINARY", 0))

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Journal:
        """Start a file with its first event: afterwards, and after a crash, the file is absent or complete."""
        line, checksum = encode(header, "")
        files.atomic_write(path, line)
        return cls(path, length=len(line), checksum=checksum)

    @classmethod
    def open(cls, path: Path) -> tuple[Journal, list[dict[str, Any]]]:
        """Open an existing file for appending and read its events; a torn last line is cut off.

        Raises:
            LedgerError: the file is damaged or cannot be read.
        """
        data = read(path)
        events, length, checksum = decode(data, where=str(path))
        journal = cls(path, length=length, checksum=checksum)
        if length < len(data):
            try:
                journal._cut()
            except OSError:
                journal.close()
                raise
        return journal, events

    def append(self, event: Mapping[str, Any]) -> None:
        """Add an event and wait for the disk.

        Raises:
            LedgerError: the disk is full or fails; earlier events are kept.
        """
        line, checksum = encode(event, self._checksum)
        try:
            self._write(line)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._cut()
            fix = "free space on the disk or mend it, then go on: everything recorded before is kept"
            raise LedgerError(f"Cannot record an event: {error.strerror}.", where=str(self._path), fix=fix) from error
        self._length += len(line)
        self._checksum = checksum

    def close(self) -> None:
        """Close the file; nothing is waiting to be written, so that what a failing disk says now changes nothing."""
        with contextlib.suppress(OSError):
            files.fs.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[files.fs.write(self._descriptor, rest) :]
        files.fs.fsync(self._descriptor)

    def _cut(self) -> None:
        files.fs.ftruncate(self._descriptor, self._length)
        files.fs.fsync(self._descriptor)


def _sum(previous: str, body: bytes) -> str:
    return hashlib.sha256(previous.encode() + body).hexdigest()[:_SUM_LENGTH]


def _split(line: bytes) -> tuple[bytes | None, str]:
    checksum_end = len(_HEAD) + _SUM_LENGTH
    body_start = checksum_end + len(_MIDDLE)
    if not (line.startswith(_HEAD) and line[checksum_end:body_start] == _MIDDLE and line.endswith(_TAIL)):
        return None, ""
    return line[body_start : -len(_TAIL)], line[len(_HEAD) : checksum_end].decode("ascii", "replace")


def _damaged(line: int, where: str) -> LedgerError:
    return LedgerError(
        f"Line {line} does not fit its checksum: the file was changed or the disk damaged it.",
        where=f"{where}, line {line}",
        fix=f"restore the file from a copy, delete line {line} and all after it to keep the trials before it, or start in another folder",
    )
