"""Stages that several strategies share: plans of everything, then operators back in float, alone and together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from inc_config.dtypes import FP32, DType
from inc_config.plan import OpId, QuantizationPlan
from inc_config.quantization import Approach

from inc_strategy.actions import Evaluate
from inc_strategy.plans import Group, back, choices, cumulative, dynamic, type_wise
from inc_strategy.replay import Program, Results
from inc_strategy.trial import ProbeResult, Trial, lowered
from inc_strategy.view import View


def unquantizable(view: View) -> str:
    """Why a strategy stops where no operator can be quantized."""
    return f"no operator has an integer option that approach {view.approach.value} accepts"


def evaluations(plans: Iterable[QuantizationPlan]) -> tuple[Evaluate, ...]:
    """Ask for all of them."""
    return tuple(Evaluate(plan) for plan in plans)


def wholes(view: View, *, limit: int = 1) -> tuple[QuantizationPlan, ...]:
    """Plans that quantize everything: at most ``limit`` by operator type."""
    return type_wise(view, limit=limit)


def dynamic_also(view: View) -> tuple[QuantizationPlan, ...]:
    """Approach auto: the plan with ranges found at run time, where it is another than the default."""
    if view.approach is not Approach.AUTO:
        return ()
    plan = dynamic(view)
    return () if plan == view.default_plan else (plan,)


def able(view: View, plan: QuantizationPlan, dtype: DType) -> tuple[OpId, ...]:
    """Operators of a plan that can go back to ``dtype``: those on integers that have it; to fp32 also those in 16 bits."""
    if dtype == FP32:
        return lowered(plan)
    options = choices(view)
    return tuple(op for op in plan.quantized if any(option.compute_dtype == dtype for option in options[op]))


def alone_then_together(view: View, base: QuantizationPlan, order: Sequence[OpId], *, trials: int, dtype: DType = FP32) -> Program:
    """Each operator alone back in float, in this order, then the best ones together.

    Where ``trials`` are too few for single operators, neighbours in the order go together.
    """
    groups = runs(order, trials=trials)
    yield evaluations(back(view, base, group, dtype) for group in groups)
    ranked = sorted(groups, key=lambda group: badness(view.results.get(back(view, base, group, dtype).digest), view))
    whole = () if dtype == FP32 else (back(view, base, order, dtype),)  # all in fp32 is the baseline
    yield evaluations((*cumulative(view, base, ranked, dtype), *whole))
    return "every fallback was tried"


def runs(ops: Sequence[OpId], *, trials: int) -> tuple[Group, ...]:
    """Operators singly if three quarters of ``trials`` suffice, else in equal runs; never all of them in one."""
    if len(ops) < 2:
        return ()
    count = min(len(ops), max(2, trials - trials // 4))
    bounds = [place * len(ops) // count for place in range(count + 1)]
    return tuple(tuple(ops[start:end]) for start, end in pairwise(bounds))


def most_accurate(plans: Sequence[QuantizationPlan], view: View) -> QuantizationPlan:
    """The first plan among those with the best estimate."""
    return min(plans, key=lambda plan: badness(view.results.get(plan.digest), view))


def badness(trial: Trial | None, view: View) -> tuple[bool, float]:
    """Sorts by accuracy, best first, trials without one last. An estimate that was stopped early may rank; it never accepts."""
    estimate = trial.estimate if trial is not None else None
    if estimate is None:
        return True, 0.0
    return False, -estimate if view.criterion.higher_is_better else estimate


def scores(results: Results, ops: Sequence[OpId]) -> dict[OpId, float]:
    """The scores of the only probe among ``results`` for ``ops``; none where it failed or had no time."""
    (probe,) = results
    found = probe.scores if isinstance(probe, ProbeResult) else {}
    return {op: found[op] for op in ops if op in found}


def worst_first(known: dict[OpId, float], ops: Sequence[OpId]) -> tuple[OpId, ...]:
    """Operators by falling score; those without one come last, the last operator first."""
    backwards = ops[::-1]
    return tuple(sorted(backwards, key=lambda op: (op not in known, -known.get(op, 0.0))))
