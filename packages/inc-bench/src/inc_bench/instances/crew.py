"""Instances as processes: started, waited for, told what to run, and ended without leaving anything behind."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs
from inc_adaptors.roles import OperatorTime
from inc_config.convert import structure, unstructure
from inc_config.errors import IncError, StoreError

from inc_bench.instances.driving import Recorded
from inc_bench.instances.job import Job, Load
from inc_bench.instances.serving import load_command, load_recorded
from inc_bench.machine.watching import snapshot

START_DELAY_S = 0.05
"""Between the command to start and the common start: long enough for the slowest instance to have read it."""

QUIT_S = 3.0
"""How long an instance that was told to quit may take before it is killed."""

_LOG_LINES = 20


class InstanceError(IncError, RuntimeError):
    """An instance crashed, hung, ran out of memory, or its model raised; the end of its log is part of the message."""


@attrs.frozen(kw_only=True, eq=False)
class InstanceRun:
    """What an instance did in one run: times, and what it says of itself when it was done."""

    recorded: Recorded
    rss_bytes: int
    peak_bytes: int
    threads: int
    switches: int
    stray: tuple[str, ...]


@attrs.define(kw_only=True, eq=False)
class _Instance:
    """One process and the events it has sent."""

    index: int
    job: Job
    process: subprocess.Popen[bytes]
    log: Path
    started: float
    pending: bytes = b""
    events: list[dict[str, Any]] = attrs.field(factory=list)
    load_s: float = 0.0
    first_s: float = 0.0
    notes: tuple[str, ...] = ()

    def take(self, kind: str) -> dict[str, Any] | None:
        """The first event of a kind, removed."""
        for event in self.events:
            if event["event"] == kind:
                self.events.remove(event)
                return event
        return None


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
        self._timeout_s = timeout_s
        self._instances: list[_Instance] = []
        self._selector = selectors.DefaultSelector()
        self._number = 0
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._cpus = tuple(sorted({cpu for job in self._jobs for cpu in job.cpus}))
        self.watched = (snapshot(self._cpus),) * 2

    def __enter__(self) -> Crew:
        try:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-m", "inc_bench.watchdog"], stdin=subprocess.PIPE, bufsize=0, start_new_session=True
            )
            for index, job in enumerate(self._jobs):
                self._start(index, job)
            for instance, event in self._gather("ready", "did not get ready"):
                instance.load_s, instance.first_s = event["loaded"] - instance.started, event["first"] - instance.started
                instance.notes = tuple(event["notes"])
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
    def pids(self) -> tuple[int, ...]:
        """Process numbers."""
        return tuple(instance.process.pid for instance in self._instances)

    def run(self, loads: Load | Sequence[Load]) -> tuple[InstanceRun, ...]:
        """Run one load in all instances, or one in each, from the same moment on, until all are done with theirs.

        ``watched`` then holds the processors' counters just before and just after.
        """
        each = tuple(loads) if isinstance(loads, Sequence) else (loads,) * len(self._instances)
        self._number += 1
        start = time.perf_counter() + START_DELAY_S
        for instance, load in zip(self._instances, each, strict=True):
            self._send(instance, load_command(load, start=start, number=self._number))
        before = snapshot(self._cpus)
        self._gather("reached", "stopped making progress")
        self.watched = (before, snapshot(self._cpus))
        for instance in self._instances:
            self._send(instance, {"do": "stop"})
        return tuple(_as_run(event) for _, event in self._gather("done", "did not stop"))

    def score(self, metric: str, data: str) -> float:
        """Let the first instance predict all labelled data and judge it; higher or lower is better as the metric says."""
        self._send(self._instances[0], {"do": "score", "metric": metric, "data": data})
        ((_, event),) = self._gather("scored", "did not finish the labelled data", only=self._instances[:1])
        return float(event["value"])

    def profile(self) -> tuple[OperatorTime, ...]:
        """What each operator of the first instance's model takes on its first batch."""
        self._send(self._instances[0], {"do": "profile"})
        ((_, event),) = self._gather("profiled", "did not finish the profile", only=self._instances[:1])
        return tuple(structure(item, OperatorTime) for item in event["operators"])

    def close(self, *, gently: bool = False) -> None:
        """End every process, with all it has started: asked first where ``gently``, killed otherwise."""
        if gently:
            for instance in self._instances:
                self._send(instance, {"do": "quit"})
            deadline = time.monotonic() + QUIT_S
            while time.monotonic() < deadline and not all(_ended(instance.process.pid) for instance in self._instances):
                time.sleep(0.005)
        for instance in self._instances:
            # The leader is not yet waited for, so its number still names this group and no other.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(instance.process.pid, signal.SIGKILL)
        for instance in self._instances:
            instance.process.wait()
            for stream in (instance.process.stdin, instance.process.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        self._instances.clear()
        self._selector.close()
        if self._watchdog is not None and self._watchdog.stdin is not None:
            _write(self._watchdog, b"done")
            self._watchdog.stdin.close()
            self._watchdog.wait()
            self._watchdog = None

    def _start(self, index: int, job: Job) -> None:
        log = job.folder / f"instance-{index}-{os.urandom(4).hex()}.log"
        started = time.time()
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "inc_bench.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                start_new_session=True,
                env={**os.environ, **job.variables},
            )
        instance = _Instance(index=index, job=job, process=process, log=log, started=started)
        self._instances.append(instance)
        if self._watchdog is not None:
            _write(self._watchdog, str(process.pid).encode())
        if process.stdout is not None:
            self._selector.register(process.stdout, selectors.EVENT_READ, instance)
        message = {"job": unstructure(job), "cpus": list(job.cpus), "bind_node": job.bind_node, "parent": os.getpid()}
        self._send(instance, message)

    def _send(self, instance: _Instance, message: Mapping[str, Any]) -> None:
        _write(instance.process, json.dumps(message).encode())

    def _gather(self, kind: str, failure: str, *, only: Sequence[_Instance] | None = None) -> list[tuple[_Instance, dict[str, Any]]]:
        """One event of a kind from every instance, in their order."""
        asked = self._instances if only is None else only
        found: dict[int, dict[str, Any]] = {}
        quiet = _Quiet(self._timeout_s, len(self._instances))
        while len(found) < len(asked):
            for instance in self._instances:
                if (event := instance.take("failed")) is not None:
                    raise _raised(instance, event)
                if (event := instance.take("progress")) is not None:
                    quiet.seen(instance.index, event["calls"])
                if instance.index not in found and (event := instance.take(kind)) is not None:
                    found[instance.index] = event
            if len(found) < len(asked):
                self._read(quiet.interval_s)
                waiting = [instance for instance in asked if instance.index not in found]
                self._ask(waiting, quiet, failure)
        return [(instance, found[instance.index]) for instance in asked]

    def _ask(self, waiting: Sequence[_Instance], quiet: _Quiet, failure: str) -> None:
        for index in quiet.hung():
            for instance in waiting:
                if instance.index == index:
                    raise InstanceError(
                        f"Instance {index} {failure} for {self._timeout_s:g} s.",
                        where=_place(instance),
                        fix=f"look at its log; give a longer --timeout if the model is that slow\n{_tail(instance.log)}",
                    )
        if quiet.due():
            for instance in waiting:
                self._send(instance, {"do": "progress"})

    def _read(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            instance: _Instance = key.data
            data = os.read(key.fd, 65536)
            *lines, instance.pending = (instance.pending + data).split(b"\n")
            instance.events += [json.loads(line) for line in lines]
            if not data:
                self._selector.unregister(key.fileobj)
                if not any(event["event"] == "failed" for event in instance.events):
                    raise _ended_badly(instance)


def _write(process: subprocess.Popen[bytes], line: bytes) -> None:
    """Send a line; a broken pipe means that the process ended, and gathering its events tells how."""
    with contextlib.suppress(BrokenPipeError):
        if process.stdin is not None:
            process.stdin.write(line + b"\n")


class _Quiet:
    """Who has not made progress, and for how long."""

    def __init__(self, timeout_s: float, count: int) -> None:
        now = time.monotonic()
        self._timeout_s = timeout_s
        self.interval_s = min(1.0, timeout_s / 4)
        self._asked = now
        self._last = dict.fromkeys(range(count), (0, now))

    def seen(self, index: int, calls: int) -> None:
        if calls != self._last[index][0]:
            self._last[index] = (calls, time.monotonic())

    def due(self) -> bool:
        """Whether it is time to ask; asking rarely keeps questions out of what is measured."""
        now = time.monotonic()
        if now - self._asked < self._timeout_s / 4:
            return False
        self._asked = now
        return True

    def hung(self) -> Iterator[int]:
        now = time.monotonic()
        return (index for index, (_, last) in self._last.items() if now - last > self._timeout_s)


def _as_run(event: Mapping[str, Any]) -> InstanceRun:
    path = Path(event["file"])
    recorded = load_recorded(path)
    path.unlink()
    return InstanceRun(
        recorded=recorded,
        rss_bytes=event["rss"],
        peak_bytes=event["peak"],
        threads=event["threads"],
        switches=event["switches"],
        stray=tuple(event["stray"]),
    )


def _ended(pid: int) -> bool:
    """Whether a process has ended; it is not waited for."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def _place(instance: _Instance) -> str:
    cpus = f" on processors {','.join(map(str, instance.job.cpus))}" if instance.job.cpus else ""
    return f"instance {instance.index}{cpus}, model {instance.job.model}"


def _raised(instance: _Instance, event: Mapping[str, Any]) -> InstanceError:
    where = f"{event['where']}; {_place(instance)}" if event["where"] else _place(instance)
    fix = event["fix"] or "run the model once on the same inputs"
    return InstanceError(event["what"], where=where, fix=f"{fix}\n{_tail(instance.log)}")


def _ended_badly(instance: _Instance) -> InstanceError:
    code = instance.process.wait()
    how = f"ended with exit code {code}"
    fix = "look at its log"
    if code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
        if -code == signal.SIGKILL:
            how += ", most likely because memory ran out"
            fix = "use fewer instances, a smaller batch, or a smaller model; look at its log"
    return InstanceError(f"Instance {instance.index} {how}.", where=_place(instance), fix=f"{fix}\n{_tail(instance.log)}")


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join(["  log:", *(f"    {line}" for line in lines)]) if lines else "  its log is empty"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for logs and times, removed afterwards.

    Raises:
        StoreError: the system has no writable temporary folder.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="inc-bench-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StoreError(
            f"There is no folder for logs and times: {error.strerror}.",
            where=", ".join(filter(None, (os.environ.get("TMPDIR"), "/tmp"))),  # noqa: S108  # named, not written to
            fix="set TMPDIR to a folder that is writable and has room",
        ) from error
    with folder as name:
        yield Path(name)


def interrupted_as_exit() -> Callable[[], None]:
    """Make SIGTERM and SIGHUP end this process as an exception does, so that instances are ended; returns what undoes it."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    wanted = (signal.SIGTERM, signal.SIGHUP) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, leave) for number in wanted}

    def undo() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return undo
