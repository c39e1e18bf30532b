"""One probe ranks all operators; few trials find which must stay in float."""

from __future__ import annotations

import attrs

from inc_strategy.actions import Action, Probe, Stop
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import dynamic_also, evaluations, most_accurate, scores, unquantizable, worst_first
from inc_strategy.strategies.smallest import clear_gap, smallest_fallback
from inc_strategy.view import View


@attrs.frozen
class SensitivityFirst:
    """Stages.

    1. The default plan; approach auto: where it fails, the one with ranges found at run time. A success ends the search.
    2. One probe ranks operators by the error in the model's outputs when each alone is quantized.
    3. ``smallest_fallback``: the largest quantized set that meets the criterion, in a number of trials logarithmic in the operators.
    """

    batches: int = 2

    builds_up = True

    def propose(self, view: View) -> Action:
        """The next probe or plan."""
        return next_action(view, self._program(view), builds_up=True) if view.quantizable else Stop(unquantizable(view))

    def _program(self, view: View) -> Program:
        plans = [view.default_plan]
        for more in ((), dynamic_also(view)):
            plans += more
            yield evaluations(plans)
            if any(view.feasible(view.results[plan.digest]) for plan in plans):
                return "every operator is in integers and the criterion is met"
        base = most_accurate(plans, view)
        found = scores((yield (Probe("mse", base, base.quantized, batches=self.batches),)), base.quantized)
        ranked = worst_first(found, base.quantized)
        guess = clear_gap([found.get(op, 0.0) for op in ranked])
        return (yield from smallest_fallback(view, base, ranked, guess=guess))


def make(*, batches: int = 2) -> SensitivityFirst:
    """Build the strategy; ``batches`` of data rank the operators."""
    return SensitivityFirst(batches=batches)
