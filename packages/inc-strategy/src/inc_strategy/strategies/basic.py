"""The strategy that needs nothing but trials: everything quantized, then operators back to float where that helps most."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from inc_config.plan import FLOAT, OpId, QuantizationPlan
from inc_config.quantization import Approach

from inc_strategy.actions import Action, Evaluate, Stop, Wait
from inc_strategy.exit import exit_reason
from inc_strategy.trial import Trial
from inc_strategy.view import View

Group = tuple[OpId, ...]


class Basic:
    """Stages, each from the most accurate plan of the stages before it.

    1. The default plan: the best accepted option of every operator.
    2. Approach auto: every operator that can takes its ranges at run time.
    3. Each operator alone back in float, the last operator first. Where the trials left are too few, neighbours go together.
    4. Operators back in float one after the other, in the order of the accuracy that stage 3 measured, until all but one are.
    """

    def propose(self, view: View) -> Action:
        """The next plan without a result; ``Wait`` where that depends on pending ones."""
        if not view.quantizable:
            return Stop(f"no operator has an integer option that approach {view.approach.value} accepts")
        reason = exit_reason(view)
        if reason is not None:
            return Wait() if view.pending and view.trials_left == 0 else Stop(reason)
        for stage in _stages(view):
            action = _next_of(stage, view)
            if action is not None:
                return action
        return Stop("every fallback was tried")


def make() -> Basic:
    """Build the strategy (it has no options)."""
    return Basic()


def _stages(view: View) -> Iterator[tuple[QuantizationPlan, ...]]:
    """The plans of each stage; a stage is computed from results, so it may be asked for only once the one before has all of them."""
    whole = [view.default_plan]
    yield tuple(whole)
    if view.approach is Approach.AUTO:
        dynamic = _dynamic(view)
        if dynamic != view.default_plan:
            whole.append(dynamic)
            yield (dynamic,)
    base = _most_accurate(whole, view)
    groups = _groups(base.quantized, trials=view.exit_policy.max_trials - len(whole))
    yield tuple(base.with_float(group) for group in groups)
    yield tuple(_cumulative(base, _ranked(base, groups, view)))


def _next_of(stage: tuple[QuantizationPlan, ...], view: View) -> Action | None:
    for plan in stage:
        if plan.digest not in view.settled:
            return Evaluate(plan)
    return None if all(plan.digest in view.results for plan in stage) else Wait()


def _dynamic(view: View) -> QuantizationPlan:
    changes = {}
    for capability in view.capabilities.ops:
        option = next((option for option in capability.options if option.is_quantized and option.is_dynamic), FLOAT)
        if option != FLOAT and view.default_plan.ops[capability.op].is_quantized:
            changes[capability.op] = option
    return view.default_plan.with_ops(changes)


def _groups(ops: Group, *, trials: int) -> tuple[Group, ...]:
    """Operators from last to first, singly if three quarters of ``trials`` suffice, else in equal runs; never all of them in one."""
    if len(ops) < 2:
        return ()
    count = min(len(ops), max(2, trials - trials // 4))
    backwards = ops[::-1]
    bounds = [place * len(ops) // count for place in range(count + 1)]
    return tuple(backwards[start:end] for start, end in pairwise(bounds))


def _ranked(base: QuantizationPlan, groups: tuple[Group, ...], view: View) -> list[Group]:
    return sorted(groups, key=lambda group: _badness(view.results.get(base.with_float(group).digest), view))


def _cumulative(base: QuantizationPlan, ranked: list[Group]) -> Iterator[QuantizationPlan]:
    plan = base
    for count, group in enumerate(ranked[:-1], start=1):
        plan = plan.with_float(group)
        if count > 1:
            yield plan


def _most_accurate(plans: list[QuantizationPlan], view: View) -> QuantizationPlan:
    return min(plans, key=lambda plan: _badness(view.results.get(plan.digest), view))


def _badness(trial: Trial | None, view: View) -> tuple[bool, float]:
    """Sorts by accuracy, best first, trials without one last. An estimate that was stopped early may rank; it never accepts."""
    estimate = trial.estimate if trial is not None else None
    if estimate is None:
        return True, 0.0
    return False, -estimate if view.criterion.higher_is_better else estimate
