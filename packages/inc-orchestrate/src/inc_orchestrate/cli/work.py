"""Quantize, confirm, rank, write and tell: what ``inc quantize`` and ``inc demo`` have in common."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import attrs
from inc_adaptors.detect import adaptor_for
from inc_config.errors import IncError, LedgerError
from inc_config.quantization import QuantizeConfig
from rich.console import Console

from inc_orchestrate.cli import folder
from inc_orchestrate.cli.closing import deliver, tell
from inc_orchestrate.cli.confirmation import Confirmation, confirm
from inc_orchestrate.cli.exits import Exit
from inc_orchestrate.cli.following import following, in_options, resumed
from inc_orchestrate.cli.job import Finished, Job
from inc_orchestrate.cli.sensitivity import sensitivities
from inc_orchestrate.cli.terminal import console
from inc_orchestrate.evaluation import Evaluation
from inc_orchestrate.label_free import LabelFree
from inc_orchestrate.pipeline import Pipeline
from inc_orchestrate.progress import Progress
from inc_orchestrate.result import FitResult
from inc_orchestrate.search import INTERRUPTED
from inc_orchestrate.steps.quantize import Quantize
from inc_orchestrate.workers import Workers


def run(job: Job) -> Exit:
    """Do the job; progress goes to standard error, the outcome to standard output.

    Raises:
        IncError: bad input; the output folder is given up where no trial had finished.
        KeyboardInterrupt: with the command that goes on.
    """
    progress = Progress(console=Console(stderr=True, highlight=False, soft_wrap=True))
    try:
        finished = _finish(job, _quantize(job, progress), progress)
        deliver(job, finished)
    except LedgerError as error:
        raise LedgerError(
            error.what, where=error.where, fix=f"{error.fix}; the run in {job.output} was started by: {folder.command_of(job.output)}"
        ) from error
    except IncError:
        folder.release(job.output)
        raise
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt(f"finished trials are kept; go on with\n  {resumed(job.command_line)}") from interruption
    tell(console(), job, finished)
    return Exit.DONE if finished.summary.accuracy.is_met else Exit.MISSED


def _quantize(job: Job, progress: Progress) -> FitResult:
    for note in (f"data: {job.data}; {job.parts}", *job.notes):
        progress.say(note)
    step = Quantize(**{field.name: getattr(job.config, field.name) for field in attrs.fields(QuantizeConfig)})
    evaluate = LabelFree(job.parts.evaluation) if job.metric is None else Evaluation(job.parts.evaluation, job.metric)
    pipeline = Pipeline([step], calibrate=job.parts.calibration, evaluate=evaluate, workers=_workers(job.workers), progress=progress)
    return pipeline.fit(job.model)


def _workers(count: int | None) -> Workers | None:
    """Processes that start afresh, since a fork would share what threads of this one hold; they divide the cores."""
    if count is None:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Workers(make=partial(ProcessPoolExecutor, count, mp_context=get_context("spawn")), count=count, threads=max(1, cores // count))


def _finish(job: Job, result: FitResult, progress: Progress) -> Finished:
    adaptor = adaptor_for(job.model)
    original = adaptor.open(job.model)
    confirmation = confirm(adaptor, original, result.handle, job.parts.confirmation, job.metric, samples=job.parts.sizes[2])
    plan = result.handle.state.plan
    ranked = () if plan is None else sensitivities(job.model, plan, job.parts.calibration, progress)
    judged = _judged(job, result, confirmation, progress)
    next_command = resumed(job.command_line)
    if result.summary.stop_reason != INTERRUPTED:
        target = job.config.target or adaptor.target()
        next_command = following(
            job.command_line,
            model=job.model,
            output=job.output,
            summary=judged.summary,
            exit_policy=job.config.tuning.exit_policy,
            runtime=target.runtime,
            signature=original.signature,
        )
    return Finished(result=judged, confirmation=confirmation, sensitivities=ranked, next_command=next_command)


def _judged(job: Job, result: FitResult, confirmation: Confirmation, progress: Progress) -> FitResult:
    """The result with what held-out data say, which may overrule the criterion."""
    accuracy = attrs.evolve(result.summary.accuracy, confirmed=confirmation.final, confirmed_original=confirmation.original)
    criterion = attrs.evolve(job.config.criterion, higher_is_better=accuracy.higher_is_better)
    if accuracy.is_met and confirmation.contradicts(criterion):
        progress.note("the chosen model is inside the criterion, but held-out data contradict that beyond chance")
        accuracy = attrs.evolve(accuracy, is_met=False)
    summary = attrs.evolve(
        result.summary,
        accuracy=accuracy,
        notes=(*job.notes, *progress.notes),
        suggestions=tuple(map(in_options, result.summary.suggestions)),
    )
    return attrs.evolve(result, summary=summary)
