"""Instances find the functions of ``targets.py``, and every test looks for what they left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture
def pids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Numbers of processes that targets wrote down."""
    path = tmp_path / "pids"
    path.touch()
    monkeypatch.setenv("PIDS", str(path))
    return lambda: [int(number) for number in path.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def gone() -> Callable[[list[int]], bool]:
    """Whether processes end within seconds: one that was killed may take a moment to leave."""

    def wait(numbers: list[int]) -> bool:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(alive(pid) for pid in numbers):
            time.sleep(0.02)
        return not any(alive(pid) for pid in numbers)

    return wait


@pytest.fixture(autouse=True)
def no_orphans() -> Iterator[None]:
    yield
    left = [child for child in psutil.Process(os.getpid()).children(recursive=True) if "inc_bench.worker" in " ".join(child.cmdline())]
    assert left == []
