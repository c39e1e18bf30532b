"""The end of a quantization: files in the output folder, and the outcome on the terminal."""

from __future__ import annotations

import json

from inc_config.errors import StoreError
from inc_config.files import atomic_write
from rich.console import Console

from inc_orchestrate.cli import folder
from inc_orchestrate.cli.job import Finished, Job
from inc_orchestrate.cli.sensitivity import MEASURE
from inc_orchestrate.cli.terminal import command, say, show
from inc_orchestrate.report import Context, contents, write_report
from inc_orchestrate.report.content import in_float_table, judged_in, latency_table, trial_table, verdict
from inc_orchestrate.report.figures import change, score, size, unit
from inc_orchestrate.report.frontier import plot

_SHOWN_HURTS = 5


def deliver(job: Job, finished: Finished) -> None:
    """Write the saved folder, the model, the recipe and the report.

    Raises:
        StoreError: one of them cannot be written; each that is there is whole.
    """
    saved = finished.result.save(job.output / folder.SAVED)
    try:
        for path in saved.glob(f"{folder.MODEL}*"):
            atomic_write(job.output / path.name, path.read_bytes())
        if job.recipe is not None:
            atomic_write(job.output / folder.RECIPE, json.dumps(job.recipe.to_json(), indent=2).encode())
    except OSError as error:
        raise StoreError(
            f"The model cannot be written: {error.strerror or error}.", where=str(job.output), fix="make room on the disk"
        ) from error
    write_report(contents(finished.summary, _context(job, finished)), job.output)


def tell(out: Console, job: Job, finished: Finished) -> None:
    """Print trials, operators in float, latencies, the verdict and the next command."""
    summary = finished.summary
    in_float = in_float_table(summary.operators)
    tables = [trial_table(summary.trials, summary.accuracy) if summary.trials else None]
    tables += [in_float if in_float.rows else None, latency_table(summary.latency) if summary.latency else None]
    for table in filter(None, tables):
        out.print()
        show(out, table)
    for line in plot(summary):
        say(out, line)
    out.print()
    say(out, f"target: {summary.target}; judged in {judged_in(summary)}")
    say(out, f"{'confirmed' if summary.accuracy.is_met else 'judged'} {finished.confirmation}")
    show(out, verdict(summary))
    if not summary.accuracy.is_met:
        _tell_ways_out(out, finished)
    say(out, f"report: {job.output / 'report.html'}")
    command(out, finished.next_command)


def _tell_ways_out(out: Console, finished: Finished) -> None:
    """The frontier, what hurts most, and what to try."""
    metric, outcome = finished.summary.accuracy.metric, finished.result.outcome
    for trial in outcome.frontier if outcome is not None else ():
        measured = trial.measurement
        if measured is not None:
            kept = f"{len(trial.plan.quantized)} of {len(trial.plan.ops)} operators quantized"
            say(
                out,
                f"frontier: trial {trial.index + 1}, {score(metric, measured.accuracy)}{unit(metric)}, {size(measured.size_bytes)}, {kept}",
            )
    for hurt in finished.summary.hurts[:_SHOWN_HURTS]:
        say(out, f"hurts: {', '.join(hurt.ops)}: {change(metric, hurt.gain, 0.0)} when in float")
    for suggestion in finished.summary.suggestions:
        say(out, f"try: {suggestion}")


def _context(job: Job, finished: Finished) -> Context:
    return Context(
        model=str(job.model),
        data=f"{job.data}: {job.parts}",
        preprocessing=str(job.recipe) if job.recipe is not None else "none, the data are the model's inputs",
        criterion=job.criterion,
        made_by=job.command_line,
        confirmation=str(finished.confirmation),
        next_command=finished.next_command,
        sensitivities=finished.sensitivities,
        sensitivity_measure=MEASURE,
    )
