"""Measured latency decides: integers only where they are faster, and float first where accuracy costs little time."""

from __future__ import annotations

from collections.abc import Generator

import attrs
from inc_config.plan import OpId, QuantizationPlan

from inc_strategy.actions import Action, Probe, Stop
from inc_strategy.replay import Program, Request, Results, next_action
from inc_strategy.strategies.fallback import evaluations, scores, unquantizable, worst_first
from inc_strategy.strategies.smallest import along, clear_gap, smallest_fallback
from inc_strategy.view import View

_Ranking = tuple[tuple[OpId, ...], int]

_LEAST_GAIN = 1e-3
"""An operator that gains less than this share of the largest gain counts as gaining this share: the difference is noise."""


@attrs.frozen
class LatencyGuided:
    """Stages.

    1. A probe measures, within ``budget_s`` seconds and in the order of execution, how much slower the quantized model becomes when one
       operator goes back to float. Operators that are slower in integers stay in float; those that were not measured are integers. Where
       none is faster, all are integers, for the model's size.
    2. That plan. A success ends the search.
    3. A second probe measures each operator's error; operators go back to float in the order of error per second gained, as few as
       suffice (``smallest_fallback``). When the exit policy asks for the best model and not the first, more of them go back, for what
       accuracy costs in time.
    4. Where none of the faster operators can be integers together, the same with all operators: some may still save size.
    """

    budget_s: float = 60.0
    batches: int = 2

    builds_up = True

    def propose(self, view: View) -> Action:
        """The next probe or plan."""
        return next_action(view, self._program(view), builds_up=True) if view.quantizable else Stop(unquantizable(view))

    def _program(self, view: View) -> Program:
        whole = view.default_plan
        slower = scores((yield (Probe("latency", whole, whole.quantized, batches=1, budget_s=self.budget_s),)), whole.quantized)
        faster = whole.with_float(op for op in whole.quantized if slower.get(op, 0.0) > 0.0)
        base = faster if faster.quantized else whole
        yield evaluations((base,))
        gains = {op: -seconds for op, seconds in slower.items()}
        if view.feasible(view.results[base.digest]):
            if not view.exit_policy.first_success:
                yield from along(view, base, (yield from self._ranked(base, gains))[0])
            if not faster.quantized:
                return "no operator is faster in integers on this target: quantizing saves size only"
            return "every operator that is faster in integers is quantized, and the criterion is met"
        reason = yield from self._fewest(view, base, gains)
        if base == whole or any(view.feasible(trial) and set(trial.plan.quantized) <= set(base.quantized) for trial in view.trials):
            return reason
        yield evaluations((whole,))
        if view.feasible(view.results[whole.digest]):
            return "every operator is in integers, though not all are faster, and the criterion is met"
        return (yield from self._fewest(view, whole, gains))

    def _fewest(self, view: View, base: QuantizationPlan, gains: dict[OpId, float]) -> Program:
        ranked, guess = yield from self._ranked(base, gains)
        reason = yield from smallest_fallback(view, base, ranked, guess=guess)
        yield from along(view, base, ranked)
        return reason

    def _ranked(self, base: QuantizationPlan, gains: dict[OpId, float]) -> Generator[Request, Results, _Ranking]:
        """Operators by falling error per second gained, and how many of them stand out."""
        errors = scores((yield (Probe("mse", base, base.quantized, batches=self.batches),)), base.quantized)
        price = _price(errors, gains)
        ranked = worst_first(price, base.quantized)
        return ranked, clear_gap([price.get(op, 0.0) for op in ranked])


def make(*, budget_s: float = 60.0, batches: int = 2) -> LatencyGuided:
    """Build the strategy; ``budget_s`` limits the time for measuring latencies, ``batches`` of data measure errors."""
    return LatencyGuided(budget_s=budget_s, batches=batches)


def _price(errors: dict[OpId, float], gains_s: dict[OpId, float]) -> dict[OpId, float]:
    """Error per second gained; operators without a measured gain are taken to gain as much as the best."""
    largest = max([0.0, *gains_s.values()]) or 1.0
    return {op: error / max(gains_s.get(op, largest), _LEAST_GAIN * largest) for op, error in errors.items()}
