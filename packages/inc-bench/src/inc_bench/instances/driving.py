"""Drive calls: one after the other, or as they arrive at random; only times are noted while they run."""

from __future__ import annotations

import queue
import sys
import threading
import time
from array import array
from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray

from inc_bench.instances.job import Closed, Load, Poisson

Call = Callable[[], object]
Times = NDArray[np.float64]

_SPIN_S = 0.002
"""The last stretch before the common start is waited for without sleeping, since a sleeper wakes late."""

_SWITCH_S = 0.0002
"""How long a thread that computes in Python keeps the one that dispatches waiting."""


PATIENCE = 2
"""Times the duration after which calls that wait still are left unanswered; at a rate far too high answering them all would take ages."""


@attrs.frozen(kw_only=True, eq=False)
class Recorded:
    """Times of a run, in seconds of the machine's monotonic clock, which all processes share.

    ``begins`` and ``ends`` are of each call, shape ``(n,)``; ``marks`` of shape ``(m, 2)`` pair a moment with the CPU time the process had
    used by then; in server mode ``arrivals`` are the scheduled ones and ``dispatched`` when they were issued, both of shape ``(n,)``.
    ``reached`` is when the asked number of calls was complete; ``unanswered`` counts calls that had arrived when answering was given up.
    """

    begins: Times
    ends: Times
    marks: Times
    reached: float
    arrivals: Times | None = None
    dispatched: Times | None = None
    unanswered: int = 0


@attrs.define(eq=False)
class Progress:
    """Calls completed so far, and a request to stop; read and set by other threads."""

    stamps: array[float] = attrs.field(factory=lambda: array("d"))
    stop: threading.Event = attrs.field(factory=threading.Event)


def drive(call: Call, load: Load, *, start: float, progress: Progress, on_reached: Callable[[], None] = lambda: None) -> Recorded:
    """Run a load from the moment ``start``.

    After the asked calls, ``on_reached`` is called and calls go on until ``progress.stop`` is set, so that other instances are not relieved
    of this one's load before they too are done.
    """
    if isinstance(load, Poisson):
        return _open_loop(call, load, start, progress, on_reached)
    return _closed_loop(call, load, start, progress, on_reached)


def wait_until(moment: float) -> None:
    """Return at a moment of the monotonic clock."""
    while (left := moment - time.perf_counter()) > 0:
        if left > _SPIN_S:
            time.sleep(left - _SPIN_S)


def _closed_loop(call: Call, load: Closed, start: float, progress: Progress, on_reached: Callable[[], None]) -> Recorded:
    stamps, stop = progress.stamps, progress.stop
    note, now = stamps.append, time.perf_counter
    marks = array("d")
    wait_until(start)
    _mark(marks)
    note(now())
    for part in range(load.rounds):
        if load.calls:
            for _ in range(load.calls * (part + 1) // load.rounds - load.calls * part // load.rounds):
                call()
                note(now())
        else:
            until = start + load.duration_s * (part + 1) / load.rounds
            if part == 0:  # at least one call, also where the system woke this process too late
                call()
                note(now())
            while stamps[-1] < until:
                call()
                note(now())
        _mark(marks)
    reached = stamps[-1]
    on_reached()
    while not stop.is_set():
        call()
        note(now())
    times = np.array(stamps)
    return Recorded(begins=times[:-1], ends=times[1:], marks=_paired(marks), reached=reached)


def _open_loop(call: Call, load: Poisson, start: float, progress: Progress, on_reached: Callable[[], None]) -> Recorded:
    arrivals = start + poisson_arrivals(load)
    dispatched = np.empty_like(arrivals)
    begins, ends = np.empty_like(arrivals), progress.stamps
    issued: queue.SimpleQueue[int] = queue.SimpleQueue()

    def dispatch() -> None:
        for index, moment in enumerate(arrivals.tolist()):
            if (left := moment - time.perf_counter()) > 0:
                time.sleep(left)
            dispatched[index] = time.perf_counter()
            issued.put(index)

    marks = array("d")
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    generator = threading.Thread(target=dispatch, daemon=True)
    try:
        generator.start()
        wait_until(start)
        _mark(marks)
        share = max(1, len(arrivals) // load.rounds)
        give_up = start + PATIENCE * load.duration_s
        while len(ends) < len(arrivals) and not (ends and ends[-1] > give_up):
            begins[issued.get()] = time.perf_counter()
            call()
            ends.append(time.perf_counter())
            if len(ends) % share == 0:
                _mark(marks)
        _mark(marks)
        generator.join()
    finally:
        sys.setswitchinterval(before)
    on_reached()
    progress.stop.wait()
    times = np.array(ends)
    done = times.size
    return Recorded(
        begins=begins[:done],
        ends=times,
        marks=_paired(marks),
        reached=float(times[-1]) if done else start,
        arrivals=arrivals[:done],
        dispatched=dispatched[:done],
        unanswered=len(arrivals) - done,
    )


def poisson_arrivals(load: Poisson) -> Times:
    """Seconds after the start at which calls arrive: exponential gaps of mean ``1 / rate``, as many as fall into the duration."""
    rng = np.random.default_rng(load.seed)
    moments = np.empty(0)
    while not moments.size or moments[-1] < load.duration_s:
        gaps = rng.exponential(1 / load.rate_per_s, max(16, int(load.rate_per_s * load.duration_s * 1.1)))
        moments = np.concatenate([moments, (moments[-1] if moments.size else 0.0) + np.cumsum(gaps)])
    return moments[moments < load.duration_s]


def longest_idle_s(load: Load) -> float:
    """Seconds in which no call is due: between random arrivals, or none."""
    return float(np.diff(poisson_arrivals(load), prepend=0.0).max(initial=0.0)) if isinstance(load, Poisson) else 0.0


def _mark(marks: array[float]) -> None:
    marks.extend((time.perf_counter(), time.process_time()))


def _paired(marks: array[float]) -> Times:
    return np.array(marks).reshape(-1, 2)
