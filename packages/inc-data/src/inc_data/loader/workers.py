"""Batches read ahead by threads or processes: in order, in bounded memory, and without a failure that goes unnoticed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from typing import Any, Literal, TypeVar

from inc_data.faults import fault
from inc_data.loader.fetch import Fetch
from inc_data.loader.pool import Numbers, Pool, Process

WorkerKind = Literal["threads", "processes"]
Result = TypeVar("Result")


def in_threads(
    fetch: Fetch, batches: Iterable[Numbers], epoch: int, *, workers: int, ahead: int, timeout_s: float | None = None
) -> Iterator[Any]:
    """Yield the batches in order, read by threads, at most ``ahead`` of them waiting.

    Threads share memory, and decoding, resizing and numpy's arithmetic run in parallel; a transform in pure Python does not.

    Raises:
        TimeoutError: a batch took longer than ``timeout_s``.
    """
    with _threads([fetch] * workers, timeout_s) as pool:
        yield from _in_order((partial(pool.submit, numbers, epoch) for numbers in batches), ahead, timeout_s)


def stream_in_thread(source: Iterator[Result], *, ahead: int, timeout_s: float | None = None) -> Iterator[Result]:
    """Yield what an iterator gives, read ahead by one thread (an iterator has one order)."""
    end = object()
    with _threads([lambda: next(source, end)], timeout_s) as pool:
        for item in _in_order(repeat(pool.submit), ahead, timeout_s):
            if item is end:
                return
            yield item


def in_processes(
    fetch: Fetch, batches: Iterable[Numbers], epoch: int, *, workers: int, ahead: int, timeout_s: float | None = None
) -> Iterator[Any]:
    """Yield the batches in order, read by fresh processes, at most ``ahead`` of them waiting.

    Raises:
        TypeError: the dataset, its transform or the collate cannot be sent to a process.
        RuntimeError: a worker died.
        TimeoutError: a batch took longer than ``timeout_s``; the first one's time counts from the start of the processes.
    """
    with _processes(fetch, workers) as calls, _threads(calls, timeout_s, stop=lambda: _kill(calls)) as pool:
        yield from _in_order((partial(pool.submit, numbers, epoch) for numbers in batches), ahead, timeout_s)


def _in_order(calls: Iterable[Callable[[], Future[Any]]], ahead: int, timeout_s: float | None) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    for call in calls:
        waiting.append(call())
        if len(waiting) > ahead:
            yield _result(waiting.popleft(), timeout_s)
    while waiting:
        yield _result(waiting.popleft(), timeout_s)


def _result(future: Future[Any], timeout_s: float | None) -> Any:
    try:
        return future.result(timeout_s)
    except TimeoutError as error:
        # The user's code may raise this too; then there is a result.
        if future.done():
            raise
        raise TimeoutError(
            fault(
                f"No batch came within {timeout_s:g} s: a worker hangs, or is slower than that.",
                where="DataLoader",
                fix="look at what the dataset waits for (a lock, the network, a stopped process), or raise timeout_s",
            )
        ) from error


@contextmanager
def _threads(calls: Sequence[Callable[..., Any]], timeout_s: float | None, stop: Callable[[], None] | None = None) -> Iterator[Pool]:
    """Leave no thread behind, however the loop over the batches ends: ``stop`` ends calls early, and a call that hangs is abandoned."""
    pool = Pool(calls)
    try:
        yield pool
    except BaseException:
        if stop is not None:
            stop()
        pool.close(timeout_s if stop is None else None)
        raise
    pool.close(timeout_s)


def _kill(processes: Iterable[Process]) -> None:
    for process in processes:
        process.kill()


@contextmanager
def _processes(fetch: Fetch, count: int) -> Iterator[list[Process]]:
    """Start processes, and leave none behind."""
    calls: list[Process] = []
    try:
        for _ in range(count):
            calls.append(Process(fetch))
        yield calls
    finally:
        for call in calls:
            call.close()
