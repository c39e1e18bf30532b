"""One instance as a process: started in a group of its own, spoken to in lines of JSON, and ended with all it has started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from inc_config.convert import unstructure

from inc_bench.instances.failing import InstanceError, ended
from inc_bench.instances.job import Job
from inc_bench.instances.marks import NAME


@attrs.define(kw_only=True, eq=False)
class Instance:
    """One process and the events it has sent that nobody has taken yet; ``started`` is in seconds since 1970."""

    index: int
    job: Job
    process: subprocess.Popen[bytes]
    log: Path
    started: float
    load_s: float = 0.0
    first_s: float = 0.0
    batch_size: int = 1
    notes: tuple[str, ...] = ()
    _pending: bytes = b""
    _events: list[dict[str, Any]] = attrs.field(factory=list)

    @classmethod
    def start(cls, index: int, job: Job, *, mark: str) -> Instance:
        """Start the process, which bears a mark; it waits for ``begin``."""
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
                env={**os.environ, **job.variables, NAME: mark},
            )
        return cls(index=index, job=job, process=process, log=log, started=started)

    def begin(self) -> None:
        """Tell it its job."""
        self.send({"job": unstructure(self.job), "cpus": list(self.job.cpus), "bind_node": self.job.bind_node, "parent": os.getpid()})

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        write_line(self.process, json.dumps(message).encode())

    def take(self, kind: str) -> dict[str, Any] | None:
        """The first event of a kind, removed."""
        for event in self._events:
            if event["event"] == kind:
                self._events.remove(event)
                return event
        return None

    def read(self, descriptor: int) -> bool:
        """Take in what it has sent; False at the end of its output.

        Raises:
            InstanceError: it ended without saying why.
        """
        data = os.read(descriptor, 65536)
        *lines, self._pending = (self._pending + data).split(b"\n")
        self._events += [json.loads(line) for line in lines]
        if not data and not any(event["event"] == "failed" for event in self._events):
            raise self._ended()
        return bool(data)

    @property
    def place(self) -> str:
        """Where it runs, for messages."""
        cpus = f" on processors {','.join(map(str, self.job.cpus))}" if self.job.cpus else ""
        return f"instance {self.index}{cpus}, model {self.job.model}"

    @property
    def alive(self) -> bool:
        """Whether it runs still; it is not waited for, so that its number goes on naming it."""
        try:
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None
        except ChildProcessError:
            return False

    def kill(self) -> None:
        """End it and all it has started."""
        # The leader is not yet waited for, so its number still names this group and no other.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Wait for its end and close what led to it."""
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _ended(self) -> InstanceError:
        return ended(self.process.wait(), index=self.index, place=self.place, log=self.log)


def write_line(process: subprocess.Popen[bytes], line: bytes) -> None:
    """Send a line; a broken pipe means that the process ended, and its events tell how."""
    with contextlib.suppress(BrokenPipeError):
        if process.stdin is not None:
            process.stdin.write(line + b"\n")
