"""Operators back to float in the order of the error that each makes alone."""

from __future__ import annotations

import attrs

from inc_strategy.actions import Action, Probe, Stop
from inc_strategy.plans import float_types
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import (
    alone_then_together,
    dynamic_also,
    evaluations,
    most_accurate,
    scores,
    unquantizable,
    wholes,
    worst_first,
)
from inc_strategy.view import View

_WHOLES = 5


@attrs.frozen
class Mse:
    """Stages, each from the most accurate plan of the stages before it.

    1. Up to five plans that quantize everything, by operator type; approach auto: one with ranges found at run time.
    2. One probe ranks operators by the error in the model's outputs when each alone is quantized.
    3. Each operator alone back in bf16, then fp32, the worst first; then together in the order of the accuracy that came back.

    Unlike 1.x, the accuracy of each fallback belongs to the operator that fell back, not to its place before sorting, and errors are
    compared with the signal's power and not after scaling both sides by ranges of their own, which hides a wrong scale.
    """

    batches: int = 2

    def propose(self, view: View) -> Action:
        """The next probe or plan."""
        return next_action(view, self._program(view)) if view.quantizable else Stop(unquantizable(view))

    def _program(self, view: View) -> Program:
        plans = list(wholes(view, limit=min(_WHOLES, len(view.quantizable))))
        yield evaluations(plans)
        plans += dynamic_also(view)
        yield evaluations(plans)
        base = most_accurate(plans, view)
        found = yield (Probe("mse", base, base.quantized, batches=self.batches),)
        order = worst_first(scores(found, base.quantized), base.quantized)
        reason = ""
        for dtype in float_types(view):
            trials = view.exit_policy.max_trials - len(plans)
            reason = yield from alone_then_together(view, base, order, trials=trials, dtype=dtype)
        return reason


def make(*, batches: int = 2) -> Mse:
    """Build the strategy; ``batches`` of data rank the operators."""
    return Mse(batches=batches)
