"""Combinations drawn at random, every operator's option with equal chance."""

from __future__ import annotations

import random
from collections.abc import Iterator

import attrs

from inc_strategy.actions import Action, Stop
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import evaluations, unquantizable
from inc_strategy.strategies.space import Space
from inc_strategy.trial import lowered
from inc_strategy.view import View

_LISTED = 4096
"""Spaces up to this size are shuffled as a whole, so that they can be used up; larger ones are drawn from."""
_DRAWS_PER_TRIAL = 4
_WINDOW = 16


@attrs.frozen
class Random:
    """Until the trials are used up, or every combination was tried; the tuning seed decides the order."""

    def propose(self, view: View) -> Action:
        """The next combination."""
        return next_action(view, _program(view)) if view.quantizable else Stop(unquantizable(view))


def make() -> Random:
    """Build the strategy (it has no options)."""
    return Random()


def _program(view: View) -> Program:
    space = Space.of(view)
    seen: set[int] = set()
    window = []
    for number in _numbers(space, view):
        plan = space.plan(number)
        if number in seen or not lowered(plan):
            continue
        seen.add(number)
        window.append(plan)
        if len(window) >= _WINDOW:
            yield evaluations(window)
            window = []
    yield evaluations(window)
    return "every combination was tried" if space.size <= _LISTED else "enough combinations were drawn"


def _numbers(space: Space, view: View) -> Iterator[int]:
    source = random.Random(view.seed)  # noqa: S311  (a search, no secret)
    if space.size <= _LISTED:
        yield from source.sample(range(space.size), space.size)
        return
    for _ in range(_DRAWS_PER_TRIAL * view.exit_policy.max_trials):
        yield source.randrange(space.size)
