"""What a search found, said in full: there is always a result."""

from __future__ import annotations

import math

import attrs
from inc_config.plan import OpId
from inc_config.tuning import ObjectiveKind

from inc_strategy.objective import cost
from inc_strategy.suggestions import suggestions
from inc_strategy.trial import Trial, TrialStatus
from inc_strategy.view import View


@attrs.frozen(kw_only=True)
class Hurt:
    """How much ``ops`` hurt while they are quantized.

    ``gain`` is the accuracy that came back when they alone went to float, in the metric's unit, signed so that positive is better; or, when
    no trial tells, a probe's score. ``source`` is ``"accuracy"`` or the probe's kind; ``is_censored`` says that a trial behind it was
    stopped early.
    """

    ops: tuple[OpId, ...]
    gain: float
    source: str = "accuracy"
    is_censored: bool = False


@attrs.frozen(kw_only=True)
class Outcome:
    """The end of a search.

    ``best`` is the best feasible trial, or (``is_feasible`` False) the most accurate one; None only when no trial gave a model.
    ``limit`` is the worst accuracy that the criterion accepts. ``frontier`` holds complete trials that no other beats in everything
    measured; ``hurts`` the operators that hurt, worst first; ``suggestions`` what to try next, one sentence each.
    """

    best: Trial | None
    is_feasible: bool
    reason: str
    baseline: float | None
    limit: float | None
    frontier: tuple[Trial, ...] = ()
    hurts: tuple[Hurt, ...] = ()
    suggestions: tuple[str, ...] = ()


def summary(view: View, *, reason: str = "") -> Outcome:
    """Sum up a search; ``reason`` is why it stopped."""
    chosen = view.best_feasible
    return Outcome(
        best=chosen or view.best_so_far,
        is_feasible=chosen is not None,
        reason=reason,
        baseline=view.baseline,
        limit=view.limit,
        frontier=frontier(view),
        hurts=hurts(view),
        suggestions=() if chosen is not None else suggestions(view),
    )


def frontier(view: View) -> tuple[Trial, ...]:
    """Complete trials that no other is at least as good as in everything that all of them measured, and better in one thing.

    Models in float are left out. Without latency, size or memory, the number of quantized operators stands in for them.
    """
    trials = [trial for trial in view.trials if trial.status is TrialStatus.COMPLETE and not trial.in_float]
    costs = {kind: [cost(t, kind, higher_is_better=view.criterion.higher_is_better) for t in trials] for kind in ObjectiveKind}
    axes = {kind: [c for c in values if c is not None] for kind, values in costs.items() if None not in values}
    rows: list[list[float]] = list(axes.values())
    if not set(axes) - {ObjectiveKind.ACCURACY}:
        rows.append([-float(len(trial.plan.quantized)) for trial in trials])
    points = list(zip(*rows, strict=True))
    return tuple(trial for trial, point in zip(trials, points, strict=True) if not any(_beats(other, point) for other in points))


def hurts(view: View) -> tuple[Hurt, ...]:
    """Operators whose return to float made the model better, most first; from probes when no trials tell."""
    sign = 1.0 if view.criterion.higher_is_better else -1.0
    measured = [(trial, frozenset(trial.plan.quantized)) for trial in view.trials if trial.estimate is not None]
    found: dict[tuple[OpId, ...], Hurt] = {}
    for place, (trial, quantized) in enumerate(measured):
        base = _nearest(trial, quantized, measured[:place])
        if base is not None and (hurt := _hurt(base, trial, sign)).gain > 0.0:
            found.setdefault(hurt.ops, hurt)
    if not found:
        found = {(op,): Hurt(ops=(op,), gain=score, source=p.kind) for p in view.probes for op, score in p.scores.items() if score > 0.0}
    return tuple(sorted(found.values(), key=lambda hurt: -hurt.gain))


def _nearest(trial: Trial, quantized: frozenset[OpId], earlier: list[tuple[Trial, frozenset[OpId]]]) -> Trial | None:
    """The earlier trial from which this one differs by the fewest fallbacks and by nothing else."""
    nearest: Trial | None = None
    fewest = math.inf
    for base, wider in earlier:
        count = len(wider) - len(quantized)
        if 0 < count < fewest and quantized < wider and base.plan.with_float(wider - quantized) == trial.plan:
            nearest, fewest = base, count
    return nearest


def _hurt(base: Trial, trial: Trial, sign: float) -> Hurt:
    stays = set(trial.plan.quantized)
    ops = tuple(op for op in base.plan.quantized if op not in stays)
    gain = sign * ((trial.estimate or 0.0) - (base.estimate or 0.0))
    return Hurt(ops=ops, gain=gain, is_censored=TrialStatus.STOPPED_EARLY in (trial.status, base.status))


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
