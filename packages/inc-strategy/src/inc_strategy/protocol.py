"""The one method that makes a strategy."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from inc_strategy.actions import Action
from inc_strategy.view import View


@runtime_checkable
class Strategy(Protocol):
    """Chooses the next plan from what is known.

    ``propose`` is a pure function: the same view gives the same action, in any process and after any interruption. A strategy keeps
    nothing between calls; what it needs to remember is in the view. It never proposes a plan of ``view.settled``, waits for pending items
    that it depends on, and ends with ``Stop``. An entry point in ``inc.strategies`` is a callable that takes the strategy's options and
    returns a strategy.
    """

    def propose(self, view: View) -> Action:
        """The next action."""
