"""One probe ranks all operators; few trials find which must stay in float."""

from __future__ import annotations

import attrs

from inc_strategy.actions import Action, Probe, Stop
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import dynamic_also, evaluations, most_accurate, scores, unquantizable, worst_first
from inc_strategy.strategies.smallest import along, clear_gap, smallest_fallback
from inc_strategy.view import View


@attrs.frozen
class SensitivityFirst:
    """Stages.

    1. The default plan; approach auto: where it fails, the one with ranges found at run time. Where it succeeds, step 3 is left out.
    2. One probe ranks operators by the error in the model's outputs when each alone is quantized.
    3. ``smallest_fallback``: the largest quantized set that meets the criterion, in a number of trials logarithmic in the operators.
    4. When the exit policy asks for the best model and not the first: the 1, 2, 4, ... most sensitive operators in float, whether that is
       needed or not, for what accuracy costs in the other objectives.
    """

    batches: int = 2

    builds_up = True

    def propose(self, view: View) -> Action:
        """The next probe or plan."""
        return next_action(view, self._program(view), builds_up=True) if view.quantizable else Stop(unquantizable(view))

    def _program(self, view: View) -> Program:
        plans, reason = [view.default_plan], ""
        for more in ((), dynamic_also(view)):
            plans += more
            yield evaluations(plans)
            if any(view.feasible(view.results[plan.digest]) for plan in plans):
                reason = "every operator is in integers and the criterion is met"
                break
        if reason and view.exit_policy.first_success:
            return reason
        base = most_accurate(plans, view)
        found = scores((yield (Probe("mse", base, base.quantized, batches=self.batches),)), base.quantized)
        ranked = worst_first(found, base.quantized)
        if not reason:
            guess = clear_gap([found.get(op, 0.0) for op in ranked])
            reason = yield from smallest_fallback(view, base, ranked, guess=guess)
        yield from along(view, base, ranked)
        return reason


def make(*, batches: int = 2) -> SensitivityFirst:
    """Build the strategy; ``batches`` of data rank the operators."""
    return SensitivityFirst(batches=batches)
