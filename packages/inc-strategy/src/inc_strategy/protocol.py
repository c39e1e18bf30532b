"""The one method that makes a strategy."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from inc_strategy.actions import Action
from inc_strategy.view import View


@runtime_checkable
class Strategy(Protocol):
    """Chooses the next plan from what is known.

    ``propose`` is a pure function: the same view gives the same action, in any process and after any interruption. A strategy keeps
    nothing between calls; what it needs to remember is in the view. One that finds better models after its first success, and stops by
    itself, has the attribute ``builds_up = True``. It never proposes a plan of ``view.settled``, waits for pending items
    that it depends on, and ends with ``Stop``. An entry point in ``inc.strategies`` is a callable that takes the strategy's options and
    returns a strategy.
    """

    def propose(self, view: View) -> Action:
        """The next action."""


def builds_up(strategy: Strategy) -> bool:
    """Whether the strategy goes on after its first success, whatever the exit policy says about that."""
    return bool(getattr(strategy, "builds_up", False))
