"""One operator after the other back to float, each time the one whose return makes the outputs best; then back again where possible."""

from __future__ import annotations

import attrs
from inc_config.plan import OpId, QuantizationPlan

from inc_strategy.actions import Action, Probe, Stop
from inc_strategy.plans import back, float_types
from inc_strategy.replay import Program, next_action
from inc_strategy.strategies.fallback import dynamic_also, evaluations, most_accurate, scores, unquantizable, wholes, worst_first
from inc_strategy.trial import Trial
from inc_strategy.view import View

_WHOLES = 2


@attrs.frozen
class MseV2:
    """Stages.

    1. Up to two plans that quantize everything, by operator type; approach auto: one with ranges found at run time.
    2. From the most accurate: a probe says whose return to float takes most error out of the outputs; that operator goes back, until the
       criterion is met. bf16 first, then fp32.
    3. When the exit policy asks for the best model and not the first: operators become integers again, those first that make the least
       error alone, as long as the criterion holds.
    """

    confidence_batches: int = 2

    def propose(self, view: View) -> Action:
        """The next probe or plan."""
        return next_action(view, self._program(view)) if view.quantizable else Stop(unquantizable(view))

    def _program(self, view: View) -> Program:
        plans = list(wholes(view, limit=_WHOLES))
        yield evaluations(plans)
        plans += dynamic_also(view)
        yield evaluations(plans)
        base = most_accurate(plans, view)
        if _meets(view, base):
            return "a plan that quantizes everything meets the criterion"
        for dtype in float_types(view):
            plan, fallen = base, list[OpId]()
            while len(plan.quantized) > 1 and not _meets(view, plan):
                found = yield (Probe("output_mse", plan, plan.quantized, batches=self.confidence_batches),)
                worst = worst_first(scores(found, plan.quantized), plan.quantized)[0]
                plan = back(view, plan, (worst,), dtype)
                fallen.append(worst)
                yield evaluations((plan,))
            if _meets(view, plan):
                return (yield from self._again(view, base, plan, fallen))
        return "every fallback was tried"

    def _again(self, view: View, base: QuantizationPlan, plan: QuantizationPlan, fallen: list[OpId]) -> Program:
        found = yield (Probe("mse", base, tuple(fallen), batches=self.confidence_batches),)
        for op in reversed(worst_first(scores(found, fallen), fallen)):
            if sum(plan.ops[other] != base.ops[other] for other in fallen) < 2:
                break
            tried = plan.with_ops({op: base.ops[op]})
            yield evaluations((tried,))
            plan = tried if _meets(view, tried) else plan
        return "the criterion is met, and no single operator can become an integer again"


def make(*, confidence_batches: int = 2) -> MseV2:
    """Build the strategy; ``confidence_batches`` of data rank the operators."""
    return MseV2(confidence_batches=confidence_batches)


def _meets(view: View, plan: QuantizationPlan) -> bool:
    trial = view.results.get(plan.digest)
    return isinstance(trial, Trial) and view.feasible(trial)
