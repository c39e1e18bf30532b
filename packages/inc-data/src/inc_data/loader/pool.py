"""Threads that call, and processes that they may call: nothing here outlives the loop over the batches, not even what hangs."""

from __future__ import annotations

import builtins
import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from inc_data.faults import fault
from inc_data.loader.fetch import Fetch
from inc_data.protocols import IndexArray

Numbers = range | IndexArray
Task = tuple[Future[Any], tuple[Any, ...]]
EXIT_S = 5.0
"""An idle worker process that is told to end ends in milliseconds; one that takes longer is killed."""


class Pool:
    """One thread per callable; tasks go to the next thread that is free. Threads are daemons: one that hangs does not keep Python alive."""

    def __init__(self, calls: Sequence[Callable[..., Any]]) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, args=(call,), name="inc-data", daemon=True) for call in calls]
        for thread in self._threads:
            thread.start()

    def submit(self, *arguments: Any) -> Future[Any]:
        """Queue a call."""
        future: Future[Any] = Future()
        self._tasks.put((future, arguments))
        return future

    def close(self, timeout_s: float | None) -> None:
        """Drop what is queued, and wait for the calls that run: for ever, or that many seconds for each."""
        try:
            while True:
                self._tasks.get_nowait()
        except Empty:
            pass
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(timeout_s)

    def _work(self, call: Callable[..., Any]) -> None:
        while (task := self._tasks.get()) is not None:
            future, arguments = task
            try:
                future.set_result(call(*arguments))
            except BaseException as error:  # noqa: BLE001 - whatever the user's code raises is raised again where the batch is awaited
                future.set_exception(error)
            # Neither batch nor error stays here while the thread waits.
            del task, future, arguments


class Process:
    """A fresh process that reads batches with ``fetch``; calls come from one thread, over a pipe that nobody else holds.

    That makes a death visible at once, wherever it happens: the pipe ends with the process.

    Raises:
        TypeError: ``fetch`` cannot be sent to a process.
    """

    def __init__(self, fetch: Fetch) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, fetch), name="inc-data", daemon=True)
        try:
            self._process.start()
        except Exception as error:
            # What cannot be sent raises errors of many types.
            self._pipe.close()
            raise TypeError(
                fault(
                    f"The dataset, its transform or the collate cannot be sent to a worker process: {error}.",
                    where="DataLoader(workers='processes')",
                    fix="use functions of a module in place of lambdas and open files, or workers='threads'",
                )
            ) from error
        finally:
            theirs.close()

    def __call__(self, numbers: Numbers, epoch: int) -> Any:
        """Return the batch; an error of the worker is raised here.

        Raises:
            RuntimeError: the process died.
        """
        try:
            self._pipe.send((numbers, epoch))
            result = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(EXIT_S)
            raise RuntimeError(
                fault(
                    f"A worker process died (exit code {self._process.exitcode}) while reading {_named(numbers)}.",
                    where="DataLoader(workers='processes')",
                    fix="look for what killed it (out of memory, a crash in a library); a script that starts workers needs "
                    "if __name__ == '__main__':",
                )
            ) from error
        if isinstance(result, _Failure):
            raise result.error()
        return result

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """Wait for the process's end; an idle one ends by itself when its pipe is closed."""
        self._pipe.close()
        self._process.join(EXIT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _serve(pipe: Connection, fetch: Fetch) -> None:
    """Answer until the pipe is closed."""
    while True:
        try:
            numbers, epoch = pipe.recv()
            try:
                pipe.send(fetch(numbers, epoch))
            except ConnectionError:
                return
            except Exception as error:  # noqa: BLE001 - every error of the user's code goes back to the loop that waits for the batch
                pipe.send(_Failure(type(error).__name__, str(error), tuple(getattr(error, "__notes__", ())), traceback.format_exc()))
        except (EOFError, ConnectionError, KeyboardInterrupt):
            return


def _named(numbers: Numbers) -> str:
    items = [int(number) for number in numbers[:10]]
    shown = ", ".join(map(str, items)) + (", ..." if len(numbers) > len(items) else "")
    return f"item{'s' if len(numbers) > 1 else ''} {shown}"


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
