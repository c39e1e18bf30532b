"""Atomic writing under injected faults at every call."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from inc_config import files

CALLS = ("open", "write", "fsync", "close", "replace")


class FailingDisk:
    """Passes calls on to ``os`` and fails the one numbered ``fail_at`` (0: none), counting only ``CALLS``."""

    def __init__(self, fail_at: int) -> None:
        self.fail_at = fail_at
        self.seen: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            self.seen.append(name)
            if len(self.seen) == self.fail_at:
                if name == "close":
                    real(*args, **kwargs)
                raise OSError(errno.EIO, f"injected at {name}")
            return real(*args, **kwargs)

        return call


def test_atomic_write_creates_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.atomic_write(path, b"one")
    files.atomic_write(path, b"two, longer")
    assert path.read_bytes() == b"two, longer"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_fault_at_any_call_leaves_all_of_the_old_or_all_of_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    monkeypatch.setattr(files, "fs", counting := FailingDisk(0))
    files.atomic_write(path, b"old")
    total = len(counting.seen)
    # open, write, fsync, close, replace and open, fsync, close of the folder.
    assert counting.seen == ["open", "write", "fsync", "close", "replace", "open", "fsync", "close"]
    for fail_at in range(1, total + 1):
        path.write_bytes(b"old")
        monkeypatch.setattr(files, "fs", FailingDisk(fail_at))
        with pytest.raises(OSError, match="injected"):
            files.atomic_write(path, b"new")
        assert path.read_bytes() == (b"old" if fail_at <= 5 else b"new")
        assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class OneByteAtATime(FailingDisk):
        def __getattr__(self, name: str) -> Any:
            return (lambda fd, data: os.write(fd, data[:1])) if name == "write" else super().__getattr__(name)

    monkeypatch.setattr(files, "fs", OneByteAtATime(0))
    files.write_new(tmp_path / "a", b"several bytes")
    assert (tmp_path / "a").read_bytes() == b"several bytes"


def test_write_new_refuses_an_existing_file_and_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        files.write_new(tmp_path / "a", b"yours")
    assert (tmp_path / "a").read_bytes() == b"mine"


def test_where_folders_cannot_be_opened_a_file_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoFolders:
        """A system, such as Windows, whose ``open`` takes no folders."""

        def __getattr__(self, name: str) -> Any:
            if name == "O_DIRECTORY":
                raise AttributeError(name)
            return getattr(os, name)

    monkeypatch.setattr(files, "fs", NoFolders())
    files.atomic_write(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
