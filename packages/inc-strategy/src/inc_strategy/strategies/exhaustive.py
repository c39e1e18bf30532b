"""Every combination of every operator's options, in order."""

from __future__ import annotations

import attrs
from inc_config.plan import QuantizationPlan

from inc_strategy.actions import Action, Stop
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import evaluations, unquantizable
from inc_strategy.strategies.space import Space
from inc_strategy.trial import lowered
from inc_strategy.view import View


@attrs.frozen
class Exhaustive:
    """The default plan first, then the last operator's next option, and so on like an odometer: for small models."""

    def propose(self, view: View) -> Action:
        """The next combination."""
        return next_action(view, _program(view)) if view.quantizable else Stop(unquantizable(view))


def make() -> Exhaustive:
    """Build the strategy (it has no options)."""
    return Exhaustive()


def _program(view: View) -> Program:
    space = Space.of(view)
    window: list[QuantizationPlan] = []
    for number in range(space.size):
        plan = space.plan(number)
        if lowered(plan):
            window.append(plan)
        if len(window) >= _WINDOW:
            yield evaluations(window)
            window = []
    yield evaluations(window)
    return "every combination was tried"


_WINDOW = 16
"""Combinations asked for together, for as many workers."""
