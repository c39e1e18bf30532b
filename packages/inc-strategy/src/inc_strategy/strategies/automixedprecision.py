"""Everything that can in 16 bits, then operators back to fp32 where that helps most."""

from __future__ import annotations

import attrs
from inc_config.dtypes import FP32, DType
from inc_config.plan import OpId, QuantizationPlan

from inc_strategy.actions import Action, Stop
from inc_strategy.plans import all_in_float, back, choices, cumulative, float_types
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import alone_then_together, badness, evaluations, most_accurate
from inc_strategy.trial import lowered
from inc_strategy.view import View


@attrs.frozen
class AutoMixedPrecision:
    """Stages, each from the most accurate plan of the stages before it; no operator computes on integers.

    1. Every operator in its best 16-bit type; then one plan per type, bf16 before fp16: every operator that has it.
    2. All operators of a type back in fp32, each type alone, then together in the order of the accuracy that came back.
    3. The same with single operators, the last first.
    """

    def propose(self, view: View) -> Action:
        """The next plan."""
        return next_action(view, _program(view)) if len(float_types(view)) > 1 else Stop("no operator has an option in bf16 or fp16")


def make() -> AutoMixedPrecision:
    """Build the strategy (it has no options)."""
    return AutoMixedPrecision()


def _program(view: View) -> Program:
    by_digest = {plan.digest: plan for plan in (all_in_float(view), *(_lowered_to(view, d) for d in float_types(view) if d != FP32))}
    plans = list(by_digest.values())
    yield evaluations(plans)
    base = most_accurate(plans, view)
    by_type: dict[str, tuple[OpId, ...]] = {}
    for op in lowered(base):
        by_type[op.type] = (*by_type.get(op.type, ()), op)
    groups = list(by_type.values()) if len(by_type) > 1 else []
    yield evaluations(base.with_float(group) for group in groups)
    groups.sort(key=lambda group: badness(view.results.get(base.with_float(group).digest), view))
    together = tuple(cumulative(view, base, groups))
    yield evaluations(together)
    trials = view.exit_policy.max_trials - len(plans) - len(groups) - len(together)
    return (yield from alone_then_together(view, base, lowered(base)[::-1], trials=trials))


def _lowered_to(view: View, dtype: DType) -> QuantizationPlan:
    plan = all_in_float(view)
    able = [op for op, options in choices(view).items() if any(option.compute_dtype == dtype for option in options)]
    return back(view, plan.with_float(plan.ops), able, dtype)
