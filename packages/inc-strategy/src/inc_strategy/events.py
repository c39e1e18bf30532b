"""How actions and results are written as events, and read back."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from inc_config.convert import structure, unstructure
from inc_config.plan import OpId, OpPlan, QuantizationPlan

from inc_strategy.actions import Evaluate, Probe
from inc_strategy.trial import Item, Measurement, Pending, ProbeResult, Trial, TrialStatus

LOST_AT_REOPEN = "its process ended before it finished"


def plan_text(plan: QuantizationPlan) -> str:
    """A plan as JSON that ``from_json`` reads, one operator per line; texts of operators are kept, since plans of a search share most."""
    operators = ",\n".join(_operator_text(op, option) for op, option in plan.ops.items())
    recipes, target = (json.dumps(unstructure(value), sort_keys=True) for value in (plan.recipes, plan.target))
    return f'{{"ops": [\n{operators}\n],\n"recipes": {recipes},\n"target": {target}}}\n'


@lru_cache(maxsize=1 << 14)
def _operator_text(op: OpId, option: OpPlan) -> str:
    return json.dumps({"op": unstructure(op), "plan": unstructure(option)}, sort_keys=True)


def describe(action: Evaluate | Probe) -> dict[str, Any]:
    """An action as JSON data, its plan by digest."""
    if isinstance(action, Evaluate):
        return {"action": "evaluate", "plan": action.plan.digest}
    ops = [unstructure(op) for op in action.ops]
    asked = {"probe": action.kind, "ops": ops, "batches": action.batches, "budget_s": action.budget_s}
    return {"action": "probe", "plan": action.plan.digest, **asked}


def action_of(event: dict[str, Any], plan: QuantizationPlan) -> Evaluate | Probe:
    """The action of a proposed event."""
    if event["action"] == "evaluate":
        return Evaluate(plan)
    return Probe(
        kind=str(event["probe"]),
        plan=plan,
        ops=structure(event["ops"], tuple[OpId, ...]),
        batches=int(event["batches"]),
        budget_s=float(event["budget_s"]),
    )


def describe_result(result: Trial | ProbeResult) -> dict[str, Any]:
    """A result as JSON data, without what its proposal already says."""
    if isinstance(result, Trial):
        measurement = None if result.measurement is None else unstructure(result.measurement)
        return {"status": result.status.value, "measurement": measurement, "error": result.error, "meets": result.meets}
    scores = [[unstructure(op), score] for op, score in result.scores.items()]
    return {"status": result.status.value, "scores": scores, "seconds": result.seconds, "error": result.error}


def result_of(event: dict[str, Any], pending: Pending) -> Trial | ProbeResult:
    """The result of a finished event."""
    status, action = TrialStatus(event["status"]), pending.action
    if isinstance(action, Evaluate):
        measured = event["measurement"]
        measurement = None if measured is None else structure(measured, Measurement)
        return Trial(
            index=pending.index, plan=action.plan, status=status, measurement=measurement, error=event["error"], meets=event["meets"]
        )
    scores = {structure(op, OpId): float(score) for op, score in event["scores"]}
    return ProbeResult.of(pending.index, action, scores=scores, status=status, seconds=float(event["seconds"]), error=event["error"])


def lost(pending: Pending, why: str = LOST_AT_REOPEN) -> Trial | ProbeResult:
    """What becomes of a proposal that nobody works on any more."""
    action = pending.action
    if isinstance(action, Evaluate):
        return Trial(index=pending.index, plan=action.plan, status=TrialStatus.LOST, error=why)
    return ProbeResult.of(pending.index, action, status=TrialStatus.LOST, error=why)


def answers(result: Item, pending: Item | None) -> bool:
    """Whether a result belongs to a pending proposal."""
    if (
        not isinstance(pending, Pending)
        or isinstance(result, Pending)
        or result.index != pending.index
        or result.plan != pending.action.plan
    ):
        return False
    return isinstance(result, Trial) == isinstance(pending.action, Evaluate)
