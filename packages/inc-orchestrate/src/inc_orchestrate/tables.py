"""Results as tables for people."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from inc_orchestrate.summary import AccuracySummary, OperatorSummary, Summary

_MANY = 12
_WIDEST, _NARROWEST = 110, 60


def render(summary: Summary) -> Group:
    """Everything as one rich renderable."""
    parts: list[RenderableType] = [Text(headline(summary)), _stages(summary)]
    if summary.latency:
        parts.append(_latency(summary))
    if summary.operators:
        parts.append(operator_table(summary.operators))
    if summary.trials:
        parts.append(_trials(summary))
    parts += [Text(f"{label}: {text}") for label, text in _lines(summary)]
    return Group(*parts)


def terminal_width() -> int:
    """Columns to print in: the terminal's (or COLUMNS), within what tables can use."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))


def to_text(renderable: RenderableType, *, width: int = _WIDEST) -> str:
    """Plain text of a renderable."""
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None, force_terminal=False).print(renderable)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def headline(summary: Summary) -> str:
    """One line: verdict, size and speed."""
    size = f"{megabytes(summary.size_before_bytes)} -> {megabytes(summary.size_after_bytes)}"
    speed = (
        "" if not summary.latency else f", {summary.latency[-1].ratio:.2f}x {summary.latency[-1].against} ({summary.latency[-1].verdict})"
    )
    return f"{_verdict(summary.accuracy)}; {size}{speed}"


def megabytes(size_bytes: int) -> str:
    """Bytes for people."""
    return f"{size_bytes / 1e6:.2f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.1f} kB"


def _verdict(accuracy: AccuracySummary) -> str:
    if accuracy.final is None:
        return "accuracy was not measured"
    moved = f"{accuracy.metric} {_number(accuracy.original)} -> {_number(accuracy.final)}"
    if accuracy.limit is None:
        return moved
    return f"{moved}, allowed {_number(accuracy.limit)}: {'met' if accuracy.is_met else 'NOT met'}"


def _number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _table(title: str, *columns: str, left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < left else "right", overflow="fold")
    return table


def _stages(summary: Summary) -> Table:
    table = _table("Stages", "stage", "gained", summary.accuracy.metric, "size", "sparsity", "speed", "seconds", left=2)
    table.add_row("original", "", _number(summary.accuracy.original), megabytes(summary.size_before_bytes), "", "", "")
    for stage in summary.stages:
        sparsity = "" if stage.sparsity is None else f"{stage.sparsity:.1%}"
        speed = "" if stage.speedup is None else f"{stage.speedup:.2f}x"
        gained = "; ".join(stage.gains)
        table.add_row(stage.name, gained, _number(stage.accuracy), megabytes(stage.size_bytes), sparsity, speed, f"{stage.seconds:.1f}")
    if summary.accuracy.limit is not None:
        table.add_row("allowed", "", _number(summary.accuracy.limit), "", "", "", "")
    return table


def _latency(summary: Summary) -> Table:
    first = summary.latency[0]
    title = f"Latency, batch {first.batch_size}, {first.threads} thread(s)"
    table = _table(title, "against", "baseline", "result", "ratio", f"{first.confidence:.0%} interval", "verdict")
    for row in summary.latency:
        noise = " (noisy machine)" if row.noisy else ""
        interval = f"[{row.low:.2f}, {row.high:.2f}]"
        cells = (f"{row.baseline_s * 1e3:.3f} ms", f"{row.candidate_s * 1e3:.3f} ms", f"{row.ratio:.2f}x", interval, row.verdict + noise)
        table.add_row(row.against, *cells)
    return table


def operator_table(operators: Iterable[OperatorSummary]) -> Table:
    """Operators by precision; those in float with their reasons."""
    rows = tuple(operators)
    table = _table("Operators", "precision", "operators", "why", "which", left=1)
    for column in table.columns[2:]:
        column.justify = "left"
    for precision, reason in dict.fromkeys((row.precision, row.reason) for row in rows):
        members = [row.op for row in rows if (row.precision, row.reason) == (precision, reason)]
        more = f", and {len(members) - _MANY} more" if len(members) > _MANY else ""
        table.add_row(precision, str(len(members)), reason, ", ".join(members[:_MANY]) + more if reason else "")
    return table


def _trials(summary: Summary) -> Table:
    table = _table("Trials", "trial", "verdict", "in integers", summary.accuracy.metric, "size", "seconds", left=2)
    for trial in summary.trials[-_MANY:]:
        judged = trial.is_feasible or trial.status == "complete"
        verdict = trial.side if judged else f"{trial.status}: {trial.error or ''}"
        size = "" if trial.size_bytes is None else megabytes(trial.size_bytes)
        counts = f"{trial.quantized} of {trial.operators}"
        table.add_row(str(trial.index + 1), verdict, counts, _number(trial.accuracy), size, f"{trial.seconds:.1f}")
    return table


def _lines(summary: Summary) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    if summary.sparsity is not None:
        zeros = summary.sparsity
        text = f"{zeros.pruned:.1%} of the pruned weights, {zeros.prunable:.1%} of all prunable, {zeros.whole_model:.1%} of the whole model"
        lines.append(("sparsity", text))
    lines += [(f"also {name}", _number(value)) for name, value in summary.accuracy.others]
    if summary.accuracy.confirmed is not None:
        confirmed = summary.accuracy
        moved = f"{_number(confirmed.confirmed_original)} -> {_number(confirmed.confirmed)} on data that chose nothing"
        interval = confirmed.confirmed_interval
        sure = "" if interval is None else f", 95 % interval of the difference [{interval[0]:+.4f}, {interval[1]:+.4f}]"
        lines.append(("confirmed", moved + sure))
    if summary.stop_reason:
        lines.append(("stopped because", summary.stop_reason))
    lines += [("hurts", f"{', '.join(hurt.ops)}: {hurt.gain:+.4f} when in float") for hurt in summary.hurts[:5]]
    lines += [("try", suggestion) for suggestion in summary.suggestions]
    lines += [("note", note) for note in summary.notes]
    if summary.judged_in:
        lines.append(("target", f"{summary.target}; judged in {summary.judged_in}{'' if summary.latency else ', not timed'}"))
    lines.append(("seconds", f"{summary.seconds:.1f}"))
    return lines
