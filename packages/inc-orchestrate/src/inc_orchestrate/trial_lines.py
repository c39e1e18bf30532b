"""A trial in one line, as it is told while a search runs."""

from __future__ import annotations

from inc_config.plan import QuantizationPlan
from inc_strategy import Trial, TrialStatus, View
from inc_strategy.outcome import frontier
from inc_strategy.trial import lowered


def trial_line(trial: Trial, view: View) -> str:
    """Precisions, value, limit and verdict; or what went wrong."""
    count = f"0 of {len(trial.plan.ops)} operators in integers" if trial.in_float else _by_kind(trial.plan)
    if trial.estimate is None:
        return f"trial {trial.index + 1}: {count}, {trial.status.value}: {trial.error}"
    verdict = "in float, no result" if trial.in_float else "inside" if view.feasible(trial) else "outside"
    limit = "" if view.baseline is None else f", limit {view.criterion.limit(view.baseline):.4f}"
    certain = ""
    if trial.status is TrialStatus.STOPPED_EARLY and trial.measurement is not None:
        certain = f" (certain after {trial.measurement.samples} samples)"
    place = ", on the frontier" if trial in frontier(view) else ""
    return f"trial {trial.index + 1}: {count}, {trial.estimate:.4f}{limit}: {verdict}{certain}{place}"


def _by_kind(plan: QuantizationPlan) -> str:
    """How many operators are on integers and in 16 bits, kinds that do not occur left out."""
    integers = len(plan.quantized)
    halves = len(lowered(plan)) - integers
    counts = {"in integers": integers, "in 16 bits": halves}
    shown = [f"{count} {kind}" for kind, count in counts.items() if count] or ["0 in integers"]
    return f"{shown[0].replace(' ', f' of {len(plan.ops)} operators ', 1)}{''.join(f', {rest}' for rest in shown[1:])}"
