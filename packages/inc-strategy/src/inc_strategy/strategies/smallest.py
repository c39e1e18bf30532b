"""Find the fewest operators that must stay in float, from a ranking of which hurt most."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from itertools import pairwise

from inc_config.plan import OpId, QuantizationPlan

from inc_strategy.actions import Evaluate
from inc_strategy.replay import Program, Request, Results
from inc_strategy.view import View

Answer = Generator[Request, Results, bool]
Ops = Generator[Request, Results, tuple[OpId, ...]]

FEW = 4
"""Up to so many operators, each is asked whether it alone could be quantized again: as cheap as halving, and in parallel."""
_CLEAR_GAP = 3.0


def smallest_fallback(view: View, base: QuantizationPlan, ranked: Sequence[OpId], *, guess: int = 1) -> Program:
    """Search for the largest part of ``base`` that meets the criterion; ``base`` itself does not.

    The shortest beginning of ``ranked`` whose return to float suffices is found by doubling from ``guess`` and halving; its last
    operator is needed. Then every operator before it is taken back into integers that is not needed too (each needed one costs
    another halving). With ``b`` operators that break a model of ``n``, ranked well, this takes O(b log n) trials; with a ranking that
    puts exactly these first, and ``guess`` right, b + 1.

    What holds for some operators in float is taken to hold for more of them; trials, not this, decide what is delivered.
    """
    search = _Search(view, base)
    most = min(len(ranked), len(base.quantized) - 1)
    low, high = 0, max(1, min(guess, most))
    while high <= most and not (yield from search.holds(ranked[:high])):
        low, high = high, most + 1 if high == most else min(most, 2 * high)
    # Beyond ``most`` everything is in float: that is the baseline, which needs no trial.
    if high > FEW:
        high = yield from search.shortest((), ranked, low, high)
    needed = yield from search.needed(ranked[:high])
    if len(needed) == len(base.quantized):
        return "no set of operators in float meets the criterion, but all of them"
    return f"{len(needed)} of {len(base.quantized)} operators must stay in float, no fewer were found"


def along(view: View, base: QuantizationPlan, ranked: Sequence[OpId]) -> Generator[Request, Results, None]:
    """Where the best is asked for and not the first: the first 1, 2, 4, ... of ``ranked`` in float, needed or not.

    What accuracy costs in the other objectives, in a number of trials logarithmic in the operators.
    """
    if not view.exit_policy.first_success:
        counts = (1 << power for power in range(len(ranked).bit_length()))
        yield tuple(Evaluate(base.with_float(ranked[:count])) for count in counts if count < len(ranked))


class _Search:
    """Questions to the trials: does the criterion hold with these operators in float?"""

    def __init__(self, view: View, base: QuantizationPlan) -> None:
        self._view = view
        self._base = base

    def holds(self, in_float: Sequence[OpId]) -> Answer:
        return (yield from self.hold((in_float,)))[0]

    def hold(self, sets: Sequence[Sequence[OpId]]) -> Generator[Request, Results, tuple[bool, ...]]:
        plans = [self._base.with_float(in_float) for in_float in sets]
        yield tuple(Evaluate(plan) for plan in plans)
        return tuple(self._view.feasible(self._view.results[plan.digest]) for plan in plans)

    def shortest(self, needed: Sequence[OpId], ranked: Sequence[OpId], low: int, high: int) -> Generator[Request, Results, int]:
        """The length of the shortest sufficient beginning, above ``low`` (known to be too short), at most ``high`` (sufficient)."""
        while high - low > 1:
            middle = (low + high) // 2
            if (yield from self.holds((*needed, *ranked[:middle]))):
                high = middle
            else:
                low = middle
        return high

    def needed(self, suspects: Sequence[OpId]) -> Ops:
        """Those of ``suspects``, which together suffice, that are needed; all of them where more than half are."""
        if len(suspects) <= FEW:
            return (yield from self._one_by_one(tuple(suspects)))
        needed = [suspects[-1]]
        rest = suspects[:-1]
        while rest and not (yield from self.holds(needed)):
            place = yield from self.shortest(needed, rest, 0, len(rest))
            needed.append(rest[place - 1])
            rest = rest[: place - 1]
            if 2 * len(needed) > len(suspects):
                return tuple(suspects)
        return tuple(needed)

    def _one_by_one(self, suspects: tuple[OpId, ...]) -> Ops:
        if len(suspects) == 1:
            return suspects
        without = yield from self.hold([[other for other in suspects if other != op] for op in suspects])
        needed = tuple(op for op, suffices in zip(suspects, without, strict=True) if not suffices)
        if len(needed) >= len(suspects) - 1 and needed:
            return needed
        if needed and (yield from self.holds(needed)):
            return needed
        spare = next(op for op in reversed(suspects) if op not in needed)  # each alone is spare, but not all of them together
        return (yield from self._one_by_one(tuple(op for op in suspects if op != spare)))


def clear_gap(scores: Sequence[float]) -> int:
    """How many of the falling ``scores`` stand out: those before the largest ratio between neighbours, in the worse half; at least 1."""
    floor = max(scores, default=0.0) * 1e-9
    if floor <= 0.0:
        return 1
    logs = [math.log(max(score, floor)) for score in scores]
    falls = [one - other for one, other in pairwise(logs)][: max(1, len(scores) // 2)]
    if not falls or max(falls) < math.log(_CLEAR_GAP):
        return 1
    return falls.index(max(falls)) + 1
