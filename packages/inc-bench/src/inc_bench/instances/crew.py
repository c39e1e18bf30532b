"""Instances side by side: started, waited for, told what to run, and ended without leaving anything behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs
from inc_adaptors.roles import OperatorTime
from inc_config.convert import structure, unstructure

from inc_bench.instances.driving import Recorded, longest_idle_s
from inc_bench.instances.failing import InstanceError
from inc_bench.instances.job import Job, Judging, Load
from inc_bench.instances.marks import end_marked
from inc_bench.instances.process import Instance, write_line
from inc_bench.instances.scratch import scratch_folder
from inc_bench.instances.serving import load_command, load_recorded
from inc_bench.instances.waiting import Listener
from inc_bench.machine.watching import snapshot

__all__ = ["Crew", "InstanceError", "InstanceRun", "scratch_folder"]

START_DELAY_S = 0.05
"""Between the command to start and the common start: long enough for the slowest instance to have read it."""

QUIT_S = 3.0
"""How long an instance that was told to quit may take before it is killed."""


@attrs.frozen(kw_only=True, eq=False)
class InstanceRun:
    """What an instance did in one run: times, and what it says of itself when it was done.

    ``cpu_s`` is all CPU time of the run, also what it spent after its part was done.
    """

    recorded: Recorded
    cpu_s: float
    rss_bytes: int
    peak_bytes: int
    threads: int
    stray: tuple[str, ...]


class Crew:
    """Instances that are loaded, warm and waiting; a context manager, at whose end no process is left.

    Args:
        jobs: one per instance.
        timeout_s: an instance in which no call ends, or that does not get ready, for this long, counts as hung.

    Raises:
        InstanceError: on entering and on running, when any instance fails; the others are stopped.
    """

    def __init__(self, jobs: Sequence[Job], *, timeout_s: float = 120.0) -> None:
        self._jobs = tuple(jobs)
        self._instances: list[Instance] = []
        self._listener = Listener(timeout_s)
        self._mark = os.urandom(8).hex()
        self._number = 0
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._cpus = tuple(sorted({cpu for job in self._jobs for cpu in job.cpus}))
        self.watched = (snapshot(self._cpus),) * 2

    def __enter__(self) -> Crew:
        try:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-m", "inc_bench.watchdog"], stdin=subprocess.PIPE, bufsize=0, start_new_session=True
            )
            write_line(self._watchdog, self._mark.encode())
            for index, job in enumerate(self._jobs):
                instance = Instance.start(index, job, mark=self._mark)
                self._instances.append(instance)
                write_line(self._watchdog, str(instance.process.pid).encode())
                self._listener.add(instance)
                instance.begin()
            for instance, event in self._listener.gather("ready", "did not get ready"):
                instance.load_s, instance.first_s = event["loaded"] - instance.started, event["first"] - instance.started
                instance.batch_size, instance.notes = event["batch_size"], tuple(event["notes"])
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(gently=kind is None)

    @property
    def load_s(self) -> tuple[float, ...]:
        """Per instance, seconds from its start until the model was loaded."""
        return tuple(instance.load_s for instance in self._instances)

    @property
    def first_s(self) -> tuple[float, ...]:
        """Per instance, seconds from its start until the first call had ended."""
        return tuple(instance.first_s for instance in self._instances)

    @property
    def notes(self) -> tuple[str, ...]:
        """What instances could not do as asked."""
        return tuple(dict.fromkeys(note for instance in self._instances for note in instance.notes))

    @property
    def batch_size(self) -> int:
        """Samples per call: what was asked, or what the model takes where it takes one size only."""
        return self._instances[0].batch_size

    @property
    def pids(self) -> tuple[int, ...]:
        """Process numbers."""
        return tuple(instance.process.pid for instance in self._instances)

    def run(self, loads: Load | Sequence[Load]) -> tuple[InstanceRun, ...]:
        """Run one load in all instances, or one in each, from the same moment on, until all are done with theirs.

        ``watched`` then holds the processors' counters just before and just after.
        """
        each = tuple(loads) if isinstance(loads, Sequence) else (loads,) * len(self._instances)
        self._number += 1
        before = snapshot(self._cpus)
        start = time.perf_counter() + START_DELAY_S
        for instance, load in zip(self._instances, each, strict=True):
            instance.send(load_command(load, start=start, number=self._number))
        self._listener.gather("reached", "stopped making progress", idle_s=max(map(longest_idle_s, each)))
        for instance in self._instances:
            instance.send({"do": "stop"})
        done = self._listener.gather("done", "did not stop")
        self.watched = (before, snapshot(self._cpus))
        return tuple(_as_run(event) for _, event in done)

    def score(self, judging: Judging) -> float:
        """Let the first instance predict all labelled data and judge it; higher or lower is better as the metric says."""
        first = self._instances[:1]
        first[0].send({"do": "score", "judging": unstructure(judging)})
        ((_, event),) = self._listener.gather("scored", "did not finish the labelled data", only=first)
        return float(event["value"])

    def profile(self) -> tuple[OperatorTime, ...]:
        """What each operator of the first instance's model takes on its first batch."""
        first = self._instances[:1]
        first[0].send({"do": "profile"})
        ((_, event),) = self._listener.gather("profiled", "did not finish the profile", only=first)
        return tuple(structure(item, OperatorTime) for item in event["operators"])

    def close(self, *, gently: bool = False) -> None:
        """End every process, with all it has started: asked first where ``gently``, killed otherwise."""
        try:
            if gently:
                self._quit()
        finally:
            for instance in self._instances:
                instance.kill()
            for instance in self._instances:
                instance.close()
            if self._instances:
                end_marked(self._mark)
            self._instances.clear()
            self._listener.close()
            if self._watchdog is not None and self._watchdog.stdin is not None:
                write_line(self._watchdog, b"done")
                self._watchdog.stdin.close()
                self._watchdog.wait()
                self._watchdog = None

    def _quit(self) -> None:
        for instance in self._instances:
            instance.send({"do": "quit"})
        deadline = time.monotonic() + QUIT_S
        while time.monotonic() < deadline and any(instance.alive for instance in self._instances):
            time.sleep(0.005)


def _as_run(event: Mapping[str, Any]) -> InstanceRun:
    path = Path(event["file"])
    recorded = load_recorded(path)
    path.unlink()
    return InstanceRun(
        recorded=recorded,
        cpu_s=event["cpu"],
        rss_bytes=event["rss"],
        peak_bytes=event["peak"],
        threads=event["threads"],
        stray=tuple(event["stray"]),
    )
