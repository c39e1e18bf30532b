"""From everything in float, one operator type after the other becomes integers and stays so while the criterion holds."""

from __future__ import annotations

import attrs
from inc_config.plan import OpId

from inc_strategy.actions import Action, Stop
from inc_strategy.plans import all_in_float
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import evaluations, unquantizable
from inc_strategy.view import View

_FIRST = ("conv", "matmul", "bmm", "batchmatmul", "linear", "gemm", "dense")
"""Beginnings of operator types that gain most, in this order; other types follow in the order of execution."""


@attrs.frozen
class Conservative:
    """Convolutions, then matrix products, then every other type: each is kept where the criterion holds and undone where not.

    Unlike 2.x, types that are not among the known ones get their turn too.
    """

    builds_up = True

    def propose(self, view: View) -> Action:
        """The next type on top of those that were kept."""
        return next_action(view, program(view), builds_up=True) if view.quantizable else Stop(unquantizable(view))


def make() -> Conservative:
    """Build the strategy (it has no options)."""
    return Conservative()


def program(view: View) -> Program:
    """One trial per operator type."""
    plan = all_in_float(view)
    kept: list[str] = []
    for kind, ops in _by_type(view).items():
        tried = plan.with_ops({op: view.default_plan.ops[op] for op in ops})
        yield evaluations((tried,))
        if view.feasible(view.results[tried.digest]):
            plan = tried
            kept.append(kind)
    return f"every operator type was tried, {', '.join(kept) or 'none'} kept in integers"


def _by_type(view: View) -> dict[str, list[OpId]]:
    found: dict[str, list[OpId]] = {}
    for op in view.quantizable:
        found.setdefault(op.type, []).append(op)

    def turn(kind: str) -> int:
        return next((place for place, start in enumerate(_FIRST) if kind.lower().startswith(start)), len(_FIRST))

    return {kind: found[kind] for kind in sorted(found, key=turn)}
