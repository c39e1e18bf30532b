"""Quantize, measure, report: what ``inc quantize`` and ``inc demo`` have in common."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import attrs
from inc_adaptors.detect import adaptor_for
from inc_config.errors import StoreError
from inc_config.quantization import QuantizeConfig
from inc_data import Recipe
from inc_metrics import Metric
from rich.console import Console

from inc_orchestrate.cli import folder
from inc_orchestrate.cli.confirmation import Confirmation, confirm
from inc_orchestrate.cli.exits import Exit
from inc_orchestrate.cli.parts import Parts
from inc_orchestrate.cli.sensitivity import MEASURE, sensitivities
from inc_orchestrate.cli.terminal import command, console, say, show
from inc_orchestrate.evaluation import Evaluation
from inc_orchestrate.label_free import LabelFree
from inc_orchestrate.pipeline import Pipeline
from inc_orchestrate.progress import Progress
from inc_orchestrate.report import Context, Sensitivity, contents, write_report
from inc_orchestrate.report.content import in_float_table, latency_table, trial_table, verdict
from inc_orchestrate.result import FitResult
from inc_orchestrate.steps.quantize import Quantize


@attrs.frozen(kw_only=True, eq=False)
class Job:
    """One quantization. ``metric`` None judges without labels; ``allowed``, ``data`` and ``notes`` are words for people."""

    model: Path
    config: QuantizeConfig
    parts: Parts
    metric: Metric | None
    allowed: str
    data: str
    recipe: Recipe | None
    output: Path
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Finished:
    """Everything that was found."""

    result: FitResult
    confirmation: Confirmation
    sensitivities: tuple[Sensitivity, ...]


def run(job: Job, command_line: str) -> Exit:
    """Do the job in an output folder that is already claimed.

    Raises:
        KeyboardInterrupt: with the command that goes on.
    """
    progress = Progress(console=Console(stderr=True, highlight=False, soft_wrap=True))
    try:
        finished = _work(job, progress)
        _deliver(job, finished)
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt(f"finished trials are kept; go on with\n  {resumed(command_line)}") from interruption
    _print(console(), job, finished)
    return Exit.DONE if finished.result.is_feasible else Exit.MISSED


def resumed(command_line: str) -> str:
    """The same command, going on instead of starting over."""
    words = [word for word in shlex.split(command_line) if word not in {"--force", "--resume"}]
    return shlex.join([*words, "--resume"])


def next_command(job: Job) -> str:
    """How to see the gain for oneself."""
    return shlex.join(["inc-bench", str(job.model), "--compare", str(job.output / folder.MODEL)])


def _work(job: Job, progress: Progress) -> Finished:
    for note in (f"data: {job.data}; {job.parts}", *job.notes):
        progress.say(note)
    step = Quantize(**{field.name: getattr(job.config, field.name) for field in attrs.fields(QuantizeConfig)})
    evaluate = LabelFree(job.parts.evaluation) if job.metric is None else Evaluation(job.parts.evaluation, job.metric)
    result = Pipeline([step], calibrate=job.parts.calibration, evaluate=evaluate, progress=progress).fit(job.model)
    adaptor = adaptor_for(job.model)
    original = adaptor.open(job.model)
    confirmation = confirm(adaptor, original, result.handle, job.parts.confirmation, job.metric, samples=job.parts.sizes[2])
    accuracy = attrs.evolve(result.summary.accuracy, confirmed=confirmation.final, confirmed_original=confirmation.original)
    plan = result.handle.state.plan
    ranked = () if plan is None else sensitivities(job.model, plan, job.parts.calibration, progress)
    summary = attrs.evolve(result.summary, accuracy=accuracy, notes=(*job.notes, *progress.notes))
    return Finished(result=attrs.evolve(result, summary=summary), confirmation=confirmation, sensitivities=ranked)


def _deliver(job: Job, finished: Finished) -> None:
    """Write the saved folder, the model, the recipe and the report."""
    saved = finished.result.save(job.output / folder.SAVED)
    try:
        for path in saved.glob(f"{folder.MODEL}*"):
            shutil.copyfile(path, job.output / path.name)
        if job.recipe is not None:
            job.recipe.save(job.output / folder.RECIPE)
    except OSError as error:
        raise StoreError(
            f"The model cannot be written: {error.strerror or error}.", where=str(job.output), fix="make room on the disk"
        ) from error
    context = Context(
        model=str(job.model),
        data=f"{job.data}: {job.parts}",
        preprocessing=str(job.recipe) if job.recipe is not None else "none, the data are the model's inputs",
        allowed=job.allowed,
        confirmation=str(finished.confirmation),
        next_command=next_command(job),
        sensitivities=finished.sensitivities,
        sensitivity_measure=MEASURE,
    )
    write_report(contents(finished.result.summary, context), job.output)


def _print(out: Console, job: Job, finished: Finished) -> None:
    summary = finished.result.summary
    out.print()
    if summary.trials:
        show(out, trial_table(summary.trials, summary.accuracy))
    in_float = in_float_table(summary.operators)
    if in_float.rows:
        out.print()
        show(out, in_float)
    if summary.latency:
        out.print()
        show(out, latency_table(summary.latency))
    out.print()
    say(out, str(finished.confirmation))
    show(out, verdict(summary))
    for suggestion in summary.suggestions:
        say(out, f"try: {suggestion}")
    say(out, f"report: {job.output / 'report.html'}")
    command(out, next_command(job))
