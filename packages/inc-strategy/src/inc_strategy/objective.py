"""Which of several models is best: objectives as costs, made comparable and summed by weight."""

from __future__ import annotations

from collections.abc import Sequence

from inc_config.tuning import Objective, ObjectiveKind

from inc_strategy.trial import Trial, lowered


def cost(trial: Trial, kind: ObjectiveKind, *, higher_is_better: bool) -> float | None:
    """One quantity of a trial, lower is better; None where it was not measured (or is censored)."""
    measured = trial.measurement
    if measured is None:
        return None
    if kind is ObjectiveKind.ACCURACY:
        accuracy = trial.accuracy
        return accuracy if accuracy is None or not higher_is_better else -accuracy
    quantities = {
        ObjectiveKind.LATENCY: measured.latency_s,
        ObjectiveKind.SIZE: measured.size_bytes,
        ObjectiveKind.MEMORY: measured.memory_bytes,
    }
    return quantities[kind]


RESOLUTION = {ObjectiveKind.LATENCY: 0.03, ObjectiveKind.MEMORY: 0.03}
"""Measured quantities that exceed the best by no larger share count as the best: another measurement might turn them round."""


def weighted_costs(trials: Sequence[Trial], objectives: Sequence[Objective], *, higher_is_better: bool) -> list[float]:
    """The weighted sum of each trial's objectives, each scaled to 0 (best of these trials) .. 1 (worst, or not measured).

    An objective's own direction comes before ``higher_is_better``, which is the accuracy's.
    """
    totals = [0.0] * len(trials)
    for objective in objectives:
        accuracy_up = higher_is_better if objective.higher_is_better is None else objective.higher_is_better
        costs = [cost(trial, objective.kind, higher_is_better=accuracy_up) for trial in trials]
        if objective.higher_is_better and objective.kind is not ObjectiveKind.ACCURACY:
            costs = [None if value is None else -value for value in costs]
        for index, scaled in enumerate(_scaled(_resolved(costs, RESOLUTION.get(objective.kind, 0.0)))):
            totals[index] += objective.weight * scaled
    return totals


def best(trials: Sequence[Trial], objectives: Sequence[Objective], *, higher_is_better: bool) -> Trial | None:
    """The trial with the lowest weighted cost; among equals the one with more quantized operators, fewer in fp32,
    more accuracy, a lower index.
    """
    if not trials:
        return None
    totals = weighted_costs(trials, objectives, higher_is_better=higher_is_better)

    def key(place: int) -> tuple[float, int, int, float, int]:
        trial = trials[place]
        accuracy = cost(trial, ObjectiveKind.ACCURACY, higher_is_better=higher_is_better)
        return (
            totals[place],
            -len(trial.plan.quantized),
            -len(lowered(trial.plan)),
            float("inf") if accuracy is None else accuracy,
            trial.index,
        )

    return trials[min(range(len(trials)), key=key)]


def _resolved(costs: list[float | None], share: float) -> list[float | None]:
    known = [value for value in costs if value is not None]
    if not known or share == 0.0:
        return costs
    best = min(known)
    return [best if value is not None and value - best <= share * abs(best) else value for value in costs]


def _scaled(costs: list[float | None]) -> list[float]:
    known = [value for value in costs if value is not None]
    if not known:
        return [0.0] * len(costs)
    low, width = min(known), max(known) - min(known)
    return [1.0 if value is None else (value - low) / width if width > 0.0 else 0.0 for value in costs]
