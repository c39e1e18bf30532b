"""What an instance does once it is pinned: open the model, warm up, and run the loads it is told to."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from inc_adaptors.handle import Signature
from inc_adaptors.roles import OperatorTime, Profiles, require
from inc_config.convert import structure, unstructure
from inc_config.errors import DataError, EvaluationError, IncError

from inc_bench.instances.calls import bound_call
from inc_bench.instances.driving import Call, Progress, Recorded, drive
from inc_bench.instances.inputs import batches_for, size_for
from inc_bench.instances.job import Closed, Job, Judging, Load, Poisson
from inc_bench.instances.memory import memory_bytes
from inc_bench.instances.opening import Opened, open_source
from inc_bench.instances.scoring import score
from inc_bench.machine.files import parse_cpu_list, text_of
from inc_bench.worker import read_line

_TASKS = Path("/proc/self/task")

PROFILE_CALLS = 20


class _Channel:
    """Events to the parent, one JSON object per line; commands from it, read by a thread of its own."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._lock = threading.Lock()
        self.commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.progress = Progress()

    def send(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, **fields}).encode() + b"\n"
        with self._lock, contextlib.suppress(BrokenPipeError):
            while line:
                line = line[os.write(self._events, line) :]

    def failed(self, error: Exception, *, what: str, where: str = "", fix: str = "", refused: bool = False) -> NoReturn:
        """Say what went wrong, and end."""
        self.send("failed", kind=type(error).__name__, what=what, where=where, fix=fix, refused=refused)
        os._exit(3)

    def listen(self) -> None:
        """Answer questions at once and queue the rest; a closed input means that the parent is gone: end all that was started here."""
        while line := read_line(0):
            command = json.loads(line)
            if command["do"] == "progress":
                self.send("progress", calls=len(self.progress.stamps))
            elif command["do"] == "stop":
                self.progress.stop.set()
            else:
                self.commands.put(command)
        os.killpg(os.getpgrp(), signal.SIGKILL)


def serve(job_data: dict[str, Any], events: int, notes: list[str]) -> None:
    """Run until told to quit; an error is sent to the parent and ends the process."""
    channel = _Channel(events)
    threading.Thread(target=channel.listen, daemon=True).start()
    try:
        job = structure(job_data["job"], Job, source="job")
        opened = open_source(job.model)
        call = _prepared(opened, job, channel, notes)
        while (command := channel.commands.get())["do"] != "quit":
            if command["do"] == "score":
                judging = structure(command["judging"], Judging)
                channel.send("scored", value=score(opened, judging, on_batch=channel.progress.stamps.append))
            elif command["do"] == "profile":
                channel.send("profiled", operators=[unstructure(found) for found in _profiled(opened, job)])
            else:
                _run(call, job, channel, command)
    except IncError as error:
        channel.failed(error, what=error.what, where=error.where, fix=error.fix, refused=True)
    except MemoryError as error:
        traceback.print_exc()
        channel.failed(error, what="Memory ran out.", fix="use a smaller batch or fewer instances")
    except Exception as error:  # noqa: BLE001  # the user's model may raise anything; it is reported, with its traceback in the log
        traceback.print_exc()
        channel.failed(error, what=f"The model raised {type(error).__name__}: {error}")


def _prepared(opened: Opened, job: Job, channel: _Channel, notes: list[str]) -> Call:
    signature = opened.handle.signature if opened.handle is not None else None
    size = job.batch_size if signature is None else size_for(signature, job.batch_size)
    if size != job.batch_size:
        notes.append(f"the model takes batches of {size}, so {size} samples are counted per call")
    batches = [] if signature is None else _batches(job, signature, size)
    if job.loader is not None and job.loader.distributed:
        notes.append("the data is not divided: every instance reads from its beginning (distributed)")
    call = bound_call(opened, batches, threads=job.threads, inter_op_threads=job.inter_op_threads)
    loaded = time.time()
    call()
    first = time.time()
    for _ in range(job.warmup):
        call()
        channel.progress.stamps.append(time.perf_counter())
    channel.send("ready", loaded=loaded, first=first, batch_size=size, notes=notes)
    return call


def _batches(job: Job, signature: Signature, size: int) -> list[Any]:
    try:
        return batches_for(job.data or job.loader, signature, batch_size=size, seed=job.seed)
    except (IncError, MemoryError):
        raise
    except Exception as error:
        traceback.print_exc()
        raise DataError(
            f"The data raised {type(error).__name__}: {error}",
            where=str(job.data or "data"),
            fix="read it once by itself",
        ) from error


def _profiled(opened: Opened, job: Job) -> tuple[OperatorTime, ...]:
    adaptor, handle = opened.adaptor, opened.handle
    if adaptor is None or handle is None:
        raise EvaluationError("A plain function has no operators.", where="profile", fix="name a model, or leave --profile out")
    profiles = require(adaptor, Profiles, step="profile")
    size = size_for(handle.signature, job.batch_size)
    batch, *_ = _batches(job, handle.signature, size)
    return profiles.profile(handle, batch, calls=PROFILE_CALLS, threads=job.threads)


def _run(call: Call, job: Job, channel: _Channel, command: dict[str, Any]) -> None:
    load: Load = structure(command["load"], Poisson) if command["kind"] == "Poisson" else structure(command["load"], Closed)
    channel.progress.stamps = type(channel.progress.stamps)("d")
    channel.progress.stop.clear()
    cpu_s = time.process_time()
    recorded = drive(
        call, load, start=command["start"], progress=channel.progress, on_reached=lambda: channel.send("reached", at=time.perf_counter())
    )
    memory = memory_bytes()
    path = job.folder / f"{os.getpid()}-{command['number']}.npz"
    save_recorded(path, recorded)
    channel.send(
        "done",
        file=str(path),
        rss=memory[0],
        peak=memory[1],
        cpu=time.process_time() - cpu_s,
        stray=stray_threads(job.cpus),
        threads=len(list(_TASKS.iterdir())) if _TASKS.is_dir() else threading.active_count(),
    )


def save_recorded(path: Path, recorded: Recorded) -> None:
    """Write a run's times."""
    optional = {name: value for name in ("arrivals", "dispatched") if (value := getattr(recorded, name)) is not None}
    arrays = {name: getattr(recorded, name) for name in ("begins", "ends", "marks", "reached", "unanswered")}
    np.savez(path, **arrays, **optional)


def load_recorded(path: Path) -> Recorded:
    """Read what ``save_recorded`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    return Recorded(**{**found, "reached": float(found["reached"]), "unanswered": int(found["unanswered"])})


def load_command(load: Load, *, start: float, number: int) -> dict[str, Any]:
    """The command that makes instances run a load."""
    return {"do": "run", "kind": type(load).__name__, "load": unstructure(load), "start": start, "number": number}


def stray_threads(cpus: tuple[int, ...]) -> list[str]:
    """Names of this process' threads that may run outside ``cpus``."""
    if not cpus or not _TASKS.is_dir():
        return []
    found = []
    for task in _TASKS.iterdir():
        fields = dict(line.partition(":")[::2] for line in (text_of(task / "status") or "").splitlines())
        allowed = parse_cpu_list(fields.get("Cpus_allowed_list", "").strip())
        if allowed is not None and not allowed <= set(cpus):
            found.append(fields.get("Name", "").strip())
    return found
