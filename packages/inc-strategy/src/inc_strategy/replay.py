"""Strategies written as programs: a generator asks for trials and probes, and is played again from its start at every proposal.

A program yields requests (actions whose order does not matter) and is sent their results; what it returns is why it ended. Because each
proposal plays it against the results in the view, the strategy keeps nothing between calls and an interrupted search goes on by itself.
"""

from __future__ import annotations

from collections.abc import Generator

from inc_strategy.actions import Action, Evaluate, Probe, Stop, Wait
from inc_strategy.exit import exit_reason
from inc_strategy.trial import ProbeResult, Trial
from inc_strategy.view import View

Request = tuple[Evaluate | Probe, ...]
Results = tuple[Trial | ProbeResult, ...]
Program = Generator[Request, Results, str]


def next_action(view: View, program: Program, *, builds_up: bool = False) -> Action:
    """The first action of ``program`` without a result; ``builds_up`` as in ``exit_reason``."""
    reason = exit_reason(view, builds_up=builds_up)
    if reason is not None:
        return Wait() if view.pending and view.trials_left == 0 else Stop(reason)
    try:
        request = next(program)
        while True:
            results = tuple(view.result_of(action) for action in request)
            known = tuple(result for result in results if result is not None)
            if len(known) < len(request):
                unknown = (action for action, result in zip(request, results, strict=True) if result is None)
                return next((action for action in unknown if not view.is_pending(action)), Wait())
            request = program.send(known)
    except StopIteration as end:
        return Stop(str(end.value))
