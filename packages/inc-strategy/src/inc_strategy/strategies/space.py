"""All combinations of all operators' accepted options, numbered without being listed."""

from __future__ import annotations

import math

import attrs
from inc_config.plan import OpId, OpPlan, QuantizationPlan

from inc_strategy.plans import choices
from inc_strategy.view import View


@attrs.frozen
class Space:
    """``options`` of each operator that has a choice, over a ``base`` plan for the others."""

    base: QuantizationPlan
    options: tuple[tuple[OpId, tuple[OpPlan, ...]], ...]

    @classmethod
    def of(cls, view: View) -> Space:
        """The space of a view."""
        return cls(view.default_plan, tuple((op, accepted) for op, accepted in choices(view).items() if len(accepted) > 1))

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return math.prod(len(accepted) for _, accepted in self.options)

    def plan(self, number: int) -> QuantizationPlan:
        """Combination ``number``: 0 is every operator's best option, and the last operator's changes fastest."""
        changes = {}
        for op, accepted in reversed(self.options):
            number, place = divmod(number, len(accepted))
            changes[op] = accepted[place]
        return self.base.with_ops(changes)
