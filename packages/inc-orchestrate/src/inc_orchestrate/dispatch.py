"""Keep several trials under way, and survive workers that die."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Any, Self

from inc_config.plan import QuantizationPlan
from inc_strategy import Measurement, Trial, TrialStatus

from inc_orchestrate.workers import Workers

Start = Callable[[Executor, QuantizationPlan], "Future[dict[str, Any]]"]

_DIED = "its worker died"


class Dispatch:
    """Trials under way by proposal index.

    When a pool breaks, all that were under way are lost and are proposed again, now one at a time: so the plan that kills its worker is
    lost alone, and the others are not.
    """

    def __init__(self, workers: Workers, start: Start) -> None:
        self._workers = workers
        self._start = start
        self._executor: Executor | None = None
        self._running: dict[Future[dict[str, Any]], tuple[int, QuantizationPlan]] = {}
        self._suspects: set[str] = set()

    @property
    def has_room(self) -> bool:
        """Whether another trial may start."""
        return len(self._running) < (1 if self._suspects else self._workers.count)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    def start(self, index: int, plan: QuantizationPlan) -> None:
        """Start a trial; a broken pool is made anew."""
        for attempt in (1, 2):
            if self._executor is None:
                self._executor = self._workers.make()
            try:
                future = self._start(self._executor, plan)
            except BrokenExecutor:
                self._drop()
                if attempt == 2:
                    raise
            else:
                self._running[future] = (index, plan)
                return

    def next_finished(self) -> list[Trial]:
        """Wait for at least one trial; several where they ended together."""
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        return self._broken() if any(_is_broken(future) for future in done) else [self._trial(future) for future in done]

    def cancelled(self) -> list[Trial]:
        """Give up what has not started, and wait for the rest."""
        for future in self._running:
            future.cancel()
        found: list[Trial] = []
        while self._running:
            found += self.next_finished()
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._executor is not None:
            executor, self._executor = self._executor, None
            executor.shutdown(wait=False, cancel_futures=True)

    def _broken(self) -> list[Trial]:
        """Keep what ended well; everything else under way is lost."""
        wait(self._running)
        whole = [future for future in self._running if not _is_broken(future)]
        found = [self._trial(future) for future in whole]
        for index, plan in self._running.values():
            self._suspects.add(plan.digest)
            found.append(Trial(index=index, plan=plan, status=TrialStatus.LOST, error=_DIED))
        if len(self._running) == 1:  # it was alone: it is known now
            self._suspects -= {plan.digest for _, plan in self._running.values()}
        self._running.clear()
        self._drop()
        return found

    def _trial(self, future: Future[dict[str, Any]]) -> Trial:
        index, plan = self._running.pop(future)
        self._suspects.discard(plan.digest)
        try:
            found = future.result()
        except CancelledError:
            return Trial(index=index, plan=plan, status=TrialStatus.LOST, error="it had not started when the search ended")
        except Exception as error:  # noqa: BLE001  (an executor reports its own faults in its own classes)
            return Trial(index=index, plan=plan, status=TrialStatus.LOST, error=f"{type(error).__name__}: {error}")
        if "error" in found:
            measured = Measurement(seconds=found["seconds"])
            return Trial(index=index, plan=plan, status=TrialStatus.FAILED, error=found["error"], measurement=measured)
        return Trial(index=index, plan=plan, measurement=Measurement(**found))


def _is_broken(future: Future[dict[str, Any]]) -> bool:
    return future.done() and not future.cancelled() and isinstance(future.exception(), BrokenExecutor)
