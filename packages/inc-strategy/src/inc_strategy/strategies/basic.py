"""The strategy that needs nothing but trials: everything quantized, then operators back to float where that helps most."""

from __future__ import annotations

from inc_strategy.actions import Action, Stop
from inc_strategy.plans import float_types
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import alone_then_together, dynamic_also, evaluations, most_accurate, unquantizable
from inc_strategy.view import View


class Basic:
    """Stages, each from the most accurate plan of the stages before it.

    1. The default plan: the best accepted option of every operator.
    2. Approach auto: every operator that can takes its ranges at run time.
    3. Each operator alone back in bf16 (where it has that), then in fp32, the last operator first. Where the trials left are too few,
       neighbours go together.
    4. Operators back in float one after the other, in the order of the accuracy that stage 3 measured, until all but one are.
    """

    def propose(self, view: View) -> Action:
        """The next plan without a result; ``Wait`` where that depends on pending ones."""
        return next_action(view, program(view)) if view.quantizable else Stop(unquantizable(view))


def make() -> Basic:
    """Build the strategy (it has no options)."""
    return Basic()


def program(view: View) -> Program:
    """The stages."""
    plans = [view.default_plan]
    yield evaluations(plans)
    plans += dynamic_also(view)
    yield evaluations(plans)
    base = most_accurate(plans, view)
    reason = ""
    for dtype in float_types(view):
        trials = view.exit_policy.max_trials - len(plans)
        reason = yield from alone_then_together(view, base, base.quantized[::-1], trials=trials, dtype=dtype)
    return reason
