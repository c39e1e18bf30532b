"""Keep several trials under way, and survive workers that die."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait

from inc_config.convert import to_json
from inc_config.errors import IncError
from inc_config.plan import QuantizationPlan
from inc_strategy import Measurement, Trial, TrialStatus

from inc_orchestrate.answers import Answers
from inc_orchestrate.job import DIED, STOPPED, Job, run_trial
from inc_orchestrate.pool import Answer, Pool, is_broken

_CANCELLED = "its executor cancelled it"


class Dispatch:
    """Trials under way by proposal index.

    A worker that dies alone costs its trial. When a whole pool breaks, all that were under way are lost and are proposed again, now one at
    a time: so the plan that kills its worker is lost alone, and the others are not. Models are judged there by ``function`` or, where that
    is empty, here by their ``answers``.
    """

    def __init__(self, count: int, pool: Pool, job: Job, function: str, *, part: str = "", answers: Answers | None = None) -> None:
        self._count = count
        self._pool = pool
        self._job = job
        self._function = function
        self._part = part
        self._answers = answers
        self._running: dict[Future[Answer], tuple[int, QuantizationPlan]] = {}
        self._suspects: set[str] = set()
        self._is_stopping = False

    @property
    def has_room(self) -> bool:
        """Whether another trial may start."""
        return len(self._running) < (1 if self._suspects else self._count)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    def start(self, index: int, plan: QuantizationPlan) -> None:
        """Start a trial; a broken pool is made anew."""
        asked = {} if self._answers is None else self._answers.asked
        payload = self._job.payload(_token(index), part=self._part, plan=to_json(plan), function=self._function, **asked)
        self._running[self._pool.submit(run_trial, payload)] = (index, plan)

    def next_finished(self, timeout_s: float | None = None) -> list[Trial]:
        """Wait for at least one trial, or until the time is over; several where they ended together."""
        done, _ = wait(self._running, timeout=timeout_s, return_when=FIRST_COMPLETED)
        return self._broken() if any(is_broken(future) for future in done) else [self._trial(future) for future in done]

    def cancelled(self) -> list[Trial]:
        """Give up what has not started, and wait for the rest."""
        self._is_stopping = True
        self._job.stop(part=self._part)
        for future, (index, _) in self._running.items():
            if not self._job.has_started(_token(index), part=self._part):
                future.cancel()
        found: list[Trial] = []
        while self._running:
            found += self.next_finished()
        return found

    def abandon(self) -> None:
        """Wait for nothing any more; what is under way may go on by itself, but nothing else begins."""
        self._job.stop(part=self._part)
        for future in self._running:
            future.cancel()
        self._running.clear()
        self._pool.drop()

    def _broken(self) -> list[Trial]:
        """Keep what ended well; everything else under way is lost."""
        wait(self._running)
        whole = [future for future in self._running if not is_broken(future)]
        found = [self._trial(future) for future in whole]
        for index, plan in self._running.values():
            self._suspects.add(plan.digest)
            found.append(Trial(index=index, plan=plan, status=TrialStatus.LOST, error=DIED))
        if len(self._running) == 1:  # it was alone: it is known now
            self._suspects -= {plan.digest for _, plan in self._running.values()}
        self._running.clear()
        self._pool.drop()
        return found

    def _trial(self, future: Future[Answer]) -> Trial:
        index, plan = self._running.pop(future)
        self._suspects.discard(plan.digest)
        try:
            answer = future.result()
        except CancelledError:
            return Trial(index=index, plan=plan, status=TrialStatus.LOST, error=STOPPED if self._is_stopping else _CANCELLED)
        except Exception as error:  # noqa: BLE001  (an executor reports its own faults in its own classes)
            return Trial(index=index, plan=plan, status=TrialStatus.LOST, error=f"{type(error).__name__}: {error}")
        if "lost" in answer:
            return Trial(index=index, plan=plan, status=TrialStatus.LOST, error=answer["lost"])
        seconds = answer["seconds"]
        if "error" in answer:
            return Trial(index=index, plan=plan, status=TrialStatus.FAILED, error=answer["error"], measurement=Measurement(seconds=seconds))
        facts = {name: answer[name] for name in ("size_bytes", "in_float")}
        try:
            accuracy = answer["accuracy"] if self._answers is None else self._answers.value(self._part + _token(index))
        except IncError as error:
            what = f"{type(error).__name__}: {error.what}"
            return Trial(index=index, plan=plan, status=TrialStatus.FAILED, error=what, measurement=Measurement(**facts, seconds=seconds))
        return Trial(index=index, plan=plan, measurement=Measurement(accuracy=accuracy, **facts, seconds=seconds))


def _token(index: int) -> str:
    return f"trial-{index}"
