"""The workers of one search: their job folder, their executor, and what is asked of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, wait
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Stores, require
from inc_adaptors.statistics.store import Statistics
from inc_config.capabilities import Capabilities
from inc_config.errors import EvaluationError, StoreError

from inc_orchestrate.answers import Answers
from inc_orchestrate.dispatch import Dispatch
from inc_orchestrate.job import STEP, Job, run_check, versions
from inc_orchestrate.pool import Answer, Pool
from inc_orchestrate.progress import Progress
from inc_orchestrate.scoring import AnyEvaluator, CallableEvaluator
from inc_orchestrate.sharding import Sharding, Wanted
from inc_orchestrate.workers import Workers, architecture_name, evaluation_name

PATIENCE_S = 15.0
"""After so long without an answer from any worker, it is said that this run waits for one."""
_WHERE = "Pipeline(workers=...)"


@attrs.frozen(kw_only=True, eq=False)
class Remote:
    """Workers that have the model."""

    workers: Workers
    pool: Pool
    job: Job
    function: str
    answers: Answers | None
    adaptor: Adaptor
    handle: ModelHandle
    progress: Progress
    _passes: Iterator[int] = attrs.field(factory=count, init=False)

    def observe(self, batches: Iterable[Any], wanted: Wanted, *, samples: int, advance: Callable[[int], None]) -> Statistics:
        """A calibration pass, divided among the workers."""
        sharding = Sharding(
            pool=self.pool,
            count=self.workers.count,
            job=self.job,
            adaptor=self.adaptor,
            handle=self.handle,
            samples=samples,
            progress=self.progress,
            advance=advance,
            part=f"pass-{next(self._passes)}-",
        )
        return sharding.observe(batches, wanted)

    def dispatch(self, capabilities: Capabilities, statistics: Statistics, *, search: str = "") -> Dispatch:
        """Trials on these workers; ``search`` begins the names of its files where there are several searches."""
        self.job.write_search(capabilities, statistics, part=search)
        return Dispatch(self.workers.count, self.pool, self.job, self.function, part=search, answers=self.answers)

    def check(self) -> None:
        """One worker opens the model and finds the evaluation.

        Raises:
            EvaluationError: it could not; with the worker's own words.
        """
        future = self.pool.submit(run_check, self.job.payload("check", function=self.function, versions=versions()))
        if not wait((future,), timeout=PATIENCE_S).done:
            self.progress.say(f"no worker has answered in {PATIENCE_S:g} s; waiting for one")
        try:
            answer: Answer = future.result()
        except (Exception, CancelledError) as error:  # an executor reports its own faults in its own classes
            what = f"The first worker ended before it answered: {type(error).__name__}: {error}"
            fix = 'start processes below if __name__ == "__main__":, and look at the worker\'s own output'
            raise EvaluationError(what, where=_WHERE, fix=fix) from error
        if "lost" in answer:
            fix = "look at the workers' own output; the model may be too large for their memory"
            raise EvaluationError("The first worker died while it opened the model.", where=_WHERE, fix=fix)
        if "error" in answer:
            fix = answer["fix"] or "make the model's and the evaluation's packages the same on the workers as here"
            raise EvaluationError(f"A worker is not ready: {answer['error']}", where=_WHERE, fix=fix)


@contextmanager
def remote(
    workers: Workers | None,
    evaluator: AnyEvaluator,
    *,
    adaptor: Adaptor,
    handle: ModelHandle,
    example: Any,
    progress: Progress,
) -> Iterator[Remote | None]:
    """Workers that are ready, for one search; None where there are none.

    Raises:
        DataError: a batch cannot be sent.
        EvaluationError: the evaluation cannot be sent, or a worker is not ready.
        StoreError: the job's folder cannot be written.
    """
    if workers is None:
        yield None
        return
    function = evaluation_name(evaluator.function) if isinstance(evaluator, CallableEvaluator) else ""
    architecture = architecture_name(workers)
    pool = Pool(workers.make)
    with _folder(workers) as folder:
        job = Job(folder=folder, framework=adaptor.name, architecture=architecture)
        try:
            with _writing(folder):
                job.write_model(require(adaptor, Stores, step=STEP), handle, example)
                answers = (
                    None if isinstance(evaluator, CallableEvaluator) else Answers(evaluator, handle.signature, job, threads=workers.threads)
                )
            made = Remote(
                workers=workers, pool=pool, job=job, function=function, answers=answers, adaptor=adaptor, handle=handle, progress=progress
            )
            made.check()
            yield made
        except BaseException:
            pool.drop()
            raise
        pool.close()


@contextmanager
def _folder(workers: Workers) -> Iterator[Path]:
    with _writing(workers.folder or Path(tempfile.gettempdir())):
        folder = tempfile.TemporaryDirectory(prefix="inc-job-", dir=workers.folder, ignore_cleanup_errors=True)
    with folder as name:
        yield Path(name)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fix = "free space there, or give another folder that all workers see: Workers(folder=...)"
        raise StoreError(f"The workers' job cannot be written: {error.strerror or error}.", where=str(folder), fix=fix) from error
