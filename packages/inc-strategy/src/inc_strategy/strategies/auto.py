"""The default plan; if it fails, the careful strategy, and then the thorough one."""

from __future__ import annotations

import attrs

from inc_strategy.actions import Action, Stop
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies import basic, conservative
from inc_strategy.strategies.fallback import evaluations, unquantizable
from inc_strategy.view import View


@attrs.frozen
class Auto:
    """The default plan, then ``conservative``, then ``basic``: one search that stops after the phase that met the criterion."""

    builds_up = True

    def propose(self, view: View) -> Action:
        """The first phase's next plan, then the second's."""
        if not view.quantizable:
            return Stop(unquantizable(view))
        action = next_action(view, _gentle(view), builds_up=True)
        return next_action(view, basic.program(view)) if isinstance(action, Stop) else action


def make() -> Auto:
    """Build the strategy (it has no options)."""
    return Auto()


def _gentle(view: View) -> Program:
    yield evaluations((view.default_plan,))
    if view.feasible(view.results[view.default_plan.digest]):
        return "the default plan meets the criterion"
    return (yield from conservative.program(view))
