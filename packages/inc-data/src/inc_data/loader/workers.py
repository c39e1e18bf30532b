"""Batches read ahead by threads or processes: in order, in bounded memory, and without a failure that goes unnoticed."""

from __future__ import annotations

import builtins
import multiprocessing
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any, Literal, TypeVar

from inc_data.faults import fault
from inc_data.loader.fetch import Fetch
from inc_data.protocols import IndexArray

WorkerKind = Literal["threads", "processes"]
Numbers = range | IndexArray
Result = TypeVar("Result")


def in_threads(fetch: Fetch, batches: Iterable[Numbers], epoch: int, *, workers: int, ahead: int) -> Iterator[Any]:
    """Yield the batches in order, read by threads, at most ``ahead`` of them waiting.

    Threads share memory, and decoding, resizing and numpy's arithmetic run in parallel; a transform in pure Python does not.
    """
    with _closing(ThreadPoolExecutor(workers, "inc-data")) as pool:
        yield from _in_order((partial(pool.submit, fetch, numbers, epoch) for numbers in batches), ahead)


def stream_in_thread(source: Iterator[Result], *, ahead: int) -> Iterator[Result]:
    """Yield what an iterator gives, read ahead by one thread (an iterator has one order)."""
    end = object()
    with _closing(ThreadPoolExecutor(1, "inc-data")) as pool:
        for item in _in_order(repeat(partial(pool.submit, next, source, end)), ahead):
            if item is end:
                return
            yield item


def in_processes(fetch: Fetch, batches: Iterable[Numbers], epoch: int, *, workers: int, ahead: int) -> Iterator[Any]:
    """Yield the batches in order, read by fresh processes, at most ``ahead`` of them waiting.

    Raises:
        TypeError: the dataset, its transform or the collate cannot be sent to a process.
        RuntimeError: a worker died.
    """
    context = multiprocessing.get_context("spawn")
    with _closing(ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(fetch,))) as pool:
        try:
            for result in _in_order((partial(_submitted, pool, numbers, epoch) for numbers in batches), ahead):
                if isinstance(result, _Failure):
                    raise result.error()
                yield result
        except BrokenProcessPool as error:
            raise RuntimeError(
                fault(
                    "A worker process died.",
                    where="DataLoader(workers='processes')",
                    fix="look for what killed it (out of memory, a crash in a library); a script that starts workers needs "
                    "if __name__ == '__main__':",
                )
            ) from error


def _in_order(calls: Iterable[Callable[[], Future[Any]]], ahead: int) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    for call in calls:
        waiting.append(call())
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _closing(pool: Executor) -> Iterator[Any]:
    """Leave no worker behind, however the loop over the batches ends."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submitted(pool: Executor, numbers: Numbers, epoch: int) -> Future[Any]:
    try:
        return pool.submit(_fetch, numbers, epoch)
    except BrokenProcessPool:
        raise
    except Exception as error:
        # The first call starts the processes and sends the dataset; what cannot be sent raises errors of many types.
        raise TypeError(
            fault(
                f"The dataset, its transform or the collate cannot be sent to a worker process: {error}.",
                where="DataLoader(workers='processes')",
                fix="use functions of a module in place of lambdas and open files, or workers='threads'",
            )
        ) from error


_fetch_here: list[Fetch] = []
"""What this worker process reads with."""


def _begin(fetch: Fetch) -> None:
    _fetch_here[:] = [fetch]


def _fetch(numbers: Numbers, epoch: int) -> Any:
    try:
        return _fetch_here[0](numbers, epoch)
    except Exception as error:  # noqa: BLE001 - every error of the user's code goes back to the loop that waits for the batch
        return _Failure(type(error).__name__, str(error), tuple(getattr(error, "__notes__", ())), traceback.format_exc())


@dataclass(frozen=True)
class _Failure:
    """An error of a worker as text: an exception with arguments of its own may not survive the way between processes."""

    kind: str
    message: str
    notes: tuple[str, ...]
    trace: str

    def error(self) -> Exception:
        """Return the error: of its own type where that is Python's, else a RuntimeError that names it."""
        kind = getattr(builtins, self.kind, None)
        simple = isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError)
        error: Exception = kind(self.message) if simple else RuntimeError(f"{self.kind}: {self.message}")  # type: ignore[misc]  # simple says that it is a class
        for note in self.notes:
            error.add_note(note)
        error.add_note(f"in a worker process:\n{self.trace}")
        return error
