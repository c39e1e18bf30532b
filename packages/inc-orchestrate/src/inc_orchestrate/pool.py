"""An executor that is made when it is first needed and made anew after it breaks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

from inc_config.errors import EvaluationError

Answer = dict[str, Any]
Work = Callable[[Mapping[str, str]], Answer]


class Pool:
    """Sends payloads of text to workers, whichever executor has them."""

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make = make
        self._executor: Executor | None = None

    def submit(self, work: Work, payload: Mapping[str, str]) -> Future[Answer]:
        """Send one payload; a broken executor is made anew, once.

        Raises:
            RefusedError: the executor takes no work.
        """
        try:
            return self._current().submit(work, payload)
        except BrokenExecutor:
            self.drop()
        except Exception as error:  # an executor reports its own faults in its own classes
            raise _refused(error) from error
        try:
            return self._current().submit(work, payload)
        except Exception as error:  # as above
            raise _refused(error) from error

    def drop(self) -> None:
        """Let go of an executor without waiting for it: it is broken, or the run was interrupted."""
        self._shut_down(wait=False)

    def close(self) -> None:
        """End the executor and wait until its workers are gone, where they are its own."""
        self._shut_down(wait=True)

    def _current(self) -> Executor:
        if self._executor is None:
            self._executor = self._make()
        return self._executor

    def _shut_down(self, *, wait: bool) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            with contextlib.suppress(Exception):  # one that has lost its connection raises what it likes; it is let go all the same
                executor.shutdown(wait=wait)  # no cancel_futures: Dask's executor does not have it


def is_broken(future: Future[Answer]) -> bool:
    """Whether a finished future tells that its whole executor broke."""
    return future.done() and not future.cancelled() and isinstance(future.exception(), BrokenExecutor)


class RefusedError(EvaluationError):
    """An executor that takes no work."""


def _refused(error: Exception) -> RefusedError:
    what = f"The executor takes no work: {type(error).__name__}: {error}"
    return RefusedError(what, where="Workers(make=...)", fix="check that its workers run, and that make= gives a new executor")
