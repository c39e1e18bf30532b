"""The frontier of a search: what accuracy costs in latency or size, as a table and as a plot of characters."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from inc_orchestrate.report.document import Bar, Bars, Table
from inc_orchestrate.report.figures import latency, score, short, size, unit
from inc_orchestrate.summary import AccuracySummary, Summary, TrialSummary

WIDTH, HEIGHT = 56, 12
_MICRO = 1e6


@attrs.frozen
class Point:
    """Where a trial lies: ``cost`` in milliseconds or bytes, ``value`` of the metric, and its mark."""

    cost: float
    value: float
    mark: str


def frontier_table(summary: Summary) -> Table:
    """The trials that no other beats in everything measured."""
    accuracy = summary.accuracy
    rows = tuple(
        (
            str(trial.index + 1),
            f"{trial.quantized} of {trial.operators}",
            score(accuracy.metric, trial.accuracy),
            size(trial.size_bytes),
            "-" if trial.latency_s is None else latency(trial.latency_s),
            trial.side,
        )
        for trial in summary.trials
        if trial.on_frontier
    )
    head = ("trial", "quantized", f"{short(accuracy.metric)}{unit(accuracy.metric)}", "size", "ms per batch", "criterion")
    return Table(head=head, rows=rows, numeric=(0, 1, 2, 3, 4))


def waterfall(summary: Summary) -> Bars | None:
    """How much time each operator gains in integers, where that was measured."""
    if not summary.gains:
        return None
    bars = [Bar(gain.op, max(0.0, gain.seconds), f"{gain.seconds * _MICRO:+.3g} us") for gain in summary.gains]
    return Bars(caption="Microseconds per sample that each operator gains in integers; below 0 it is slower.", bars=tuple(bars))


def plot(summary: Summary) -> tuple[str, ...]:
    """Lines of a plot: accuracy upwards, latency (where all trials have one) or size to the right; fewer than two points are no plot.

    ``*`` is on the frontier and inside the criterion, ``+`` on the frontier and outside, ``o`` any other trial; the dashes are the limit.
    """
    complete = [trial for trial in summary.trials if trial.status == "complete" and trial.accuracy is not None]
    timed = all(trial.latency_s is not None for trial in complete)
    points = [_point(trial, timed=timed) for trial in complete]
    if len(points) < 2:
        return ()
    points.sort(key=lambda point: point.mark != "o")  # what is on the frontier is drawn over what is not
    return _drawn(points, summary.accuracy, name="latency, ms per batch" if timed else "size, MB")


def _point(trial: TrialSummary, *, timed: bool) -> Point:
    cost = (trial.latency_s or 0.0) * 1e3 if timed else (trial.size_bytes or 0) / 1e6
    return Point(cost, trial.accuracy or 0.0, ("*" if trial.is_feasible else "+") if trial.on_frontier else "o")


def _drawn(points: Sequence[Point], accuracy: AccuracySummary, *, name: str) -> tuple[str, ...]:
    limits = () if accuracy.limit is None else (accuracy.limit,)
    top, bottom = (f([point.value for point in points] + list(limits)) for f in (max, min))
    left, right = (f(point.cost for point in points) for f in (min, max))
    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    for limit in limits:
        cells[_place(top - limit, top - bottom, HEIGHT)] = ["-"] * WIDTH
    for point in points:
        cells[_place(top - point.value, top - bottom, HEIGHT)][_place(point.cost - left, right - left, WIDTH)] = point.mark
    ends = {0: score(accuracy.metric, top), HEIGHT - 1: score(accuracy.metric, bottom)}
    lines = [f"{ends.get(row, ''):>10} |{''.join(line)}".rstrip() for row, line in enumerate(cells)]
    scale = f"{left:.4g}".ljust(WIDTH - 10) + f"{right:.4g}".rjust(10)
    return (
        f"{short(accuracy.metric)}{unit(accuracy.metric)} (up) over {name} (right)",
        *lines,
        f"{'':>10} +{'-' * WIDTH}",
        f"{'':>12}{scale}",
        "* frontier, inside the criterion   + frontier, outside   o other trials   --- the limit",
    )


def _place(distance: float, span: float, cells: int) -> int:
    return 0 if span <= 0.0 else min(cells - 1, round(distance / span * (cells - 1)))
