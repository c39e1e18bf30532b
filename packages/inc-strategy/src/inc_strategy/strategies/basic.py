"""The strategy that needs nothing but trials: everything quantized, then operators back to float where that helps most."""

from __future__ import annotations

import attrs

from inc_strategy.actions import Action, Stop
from inc_strategy.plans import float_types
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import able, alone_then_together, dynamic_also, evaluations, most_accurate, unquantizable, wholes
from inc_strategy.strategies.recipes import by_recipe, one_per_alpha
from inc_strategy.view import View

_COMBINATIONS = 8


class Basic:
    """Stages; each goes on from the most accurate plan so far that quantizes everything.

    1. The default plan: the best accepted option of every operator. SmoothQuant with several alphas: one trial per alpha.
    2. Approach auto: every operator that can takes its ranges at run time.
    3. Recipes: the first and last convolution or matrix product, and what lies before and after them, in float: each, then all at once
       (where there are trials enough for single operators as well).
    4. For bf16, fp16 and fp32 in turn: each operator that has the type alone back in it, the last operator first (where the trials left
       are too few, neighbours go together), then one after the other in the order of the accuracy that came back, until all but one are.
    5. Other options of the same kind, by operator type.

    Unlike 2.x, the trials of alphas do not end the search; recipes that keep less in float come first, and one that helped is ranked among
    the fallbacks and does not leave its operators in float for good; each accuracy belongs to the operator that fell back; and operators
    without bf16 are not tried in it.
    """

    def propose(self, view: View) -> Action:
        """The next plan without a result; ``Wait`` where that depends on pending ones."""
        return next_action(view, program(view)) if view.quantizable else Stop(unquantizable(view))


def make() -> Basic:
    """Build the strategy (it has no options)."""
    return Basic()


def program(view: View) -> Program:
    """The stages."""
    plans = list(one_per_alpha(view))
    yield evaluations(plans)
    plans += dynamic_also(view)
    yield evaluations(plans)
    base = most_accurate(plans, view)
    trials = view.exit_policy.max_trials - len(plans)
    outer = by_recipe(view, base)
    if len(outer) + len(base.quantized) <= trials:
        yield evaluations(outer)
        trials -= len(outer)
    reason = ""
    for dtype in float_types(view):
        reason = yield from alone_then_together(view, base, able(view, base, dtype)[::-1], trials=trials, dtype=dtype)
    yield evaluations(attrs.evolve(plan, recipes=base.recipes) for plan in wholes(view, limit=_COMBINATIONS))
    return reason
