"""Whether a model that its plan calls quantized computes on integers at all."""

from __future__ import annotations

from inc_adaptors.handle import ModelHandle
from inc_config.errors import PlanError
from inc_config.plan import QuantizationPlan
from inc_strategy.trial import lowered


def has_only_companions(plan: QuantizationPlan) -> bool:
    """Whether all that a plan lowers is without weights (pooling, Add, Flatten): these compute on integers only beside others."""
    quantized = [plan.ops[op] for op in plan.quantized]
    alone = all(option.weight is None and not option.is_dynamic for option in quantized)
    return bool(quantized) and alone and len(lowered(plan)) == len(quantized)


def is_in_float(made: ModelHandle, plan: QuantizationPlan) -> bool:
    """Whether nothing in the model made of a plan computes on integers."""
    return has_only_companions(plan) and not made.state.qparams


def nothing_in_integers(plan: QuantizationPlan) -> PlanError:
    """The error for a plan that makes such a model."""
    what = f"Nothing computes on integers: {', '.join(map(str, plan.quantized[:8]))} do so only beside others."
    return PlanError(what, where="step quantize", fix="let operators with weights be quantized too: loosen exclude or exclude_types")
