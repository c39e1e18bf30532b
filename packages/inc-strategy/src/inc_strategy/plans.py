"""Questions about plans and options that several strategies ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice, product

import attrs
from inc_config.dtypes import BF16, FP16, FP32, DType
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan

from inc_strategy.view import View

Group = tuple[OpId, ...]


def choices(view: View) -> dict[OpId, tuple[OpPlan, ...]]:
    """The accepted options of each operator, best first; the last one is fp32."""
    return {capability.op: tuple(o for o in capability.options if view.accept(o)) for capability in view.capabilities.ops}


def all_in_float(view: View) -> QuantizationPlan:
    """Every operator in its best option that is no integer."""
    return attrs.evolve(view.capabilities.plan(lambda option: not option.is_quantized), recipes=view.recipes)


def dynamic(view: View) -> QuantizationPlan:
    """The default plan with ranges found at run time wherever an operator can."""
    changes = {}
    for capability in view.capabilities.ops:
        option = next((option for option in capability.options if option.is_quantized and option.is_dynamic), FLOAT)
        if option != FLOAT and view.default_plan.ops[capability.op].is_quantized:
            changes[capability.op] = option
    return view.default_plan.with_ops(changes)


def type_wise(view: View, *, limit: int) -> tuple[QuantizationPlan, ...]:
    """At most ``limit`` plans in which all operators of a type share their place among the options, the default plan first.

    Options are those of the default's own kind (ranges from calibration, or found at run time). With few plans the types that come first
    keep their default.
    """
    default = view.default_plan
    options = {
        op: tuple(o for o in accepted if o.is_quantized and o.is_dynamic == default.ops[op].is_dynamic)
        for op, accepted in choices(view).items()
        if default.ops[op].is_quantized
    }
    types = list(dict.fromkeys(op.type for op in options))
    depths = [max(len(options[op]) for op in options if op.type == kind) for kind in types]
    plans: dict[str, QuantizationPlan] = {default.digest: default}
    for places in islice(product(*(range(depth) for depth in depths)), 8 * limit):
        place_of = dict(zip(types, places, strict=True))
        plan = default.with_ops({op: own[min(place_of[op.type], len(own) - 1)] for op, own in options.items()})
        plans.setdefault(plan.digest, plan)
    return tuple(islice(plans.values(), limit))


def float_types(view: View) -> tuple[DType, ...]:
    """What operators can go back to: bf16 and fp16 where any operator has them, then fp32."""
    present = {option.compute_dtype for capability in view.capabilities.ops for option in capability.options}
    return (*(dtype for dtype in (BF16, FP16) if dtype in present), FP32)


@lru_cache(maxsize=1 << 13)
def in_float(plan: QuantizationPlan, ops: Group) -> QuantizationPlan:
    """The plan with ``ops`` in fp32: the same object every time, since a search asks for it, and its digest, at every proposal."""
    return plan.with_float(ops)


def back(view: View, plan: QuantizationPlan, ops: Iterable[OpId], dtype: DType = FP32) -> QuantizationPlan:
    """The plan with ``ops`` in a float type, those that do not have it in fp32."""
    if dtype == FP32:
        return in_float(plan, tuple(ops))
    options = choices(view)
    return plan.with_ops({op: next((o for o in options[op] if o.compute_dtype == dtype), FLOAT) for op in ops})


def cumulative(view: View, base: QuantizationPlan, groups: Iterable[Group], dtype: DType = FP32) -> Iterator[QuantizationPlan]:
    """Plans with the first two, three, ... ``groups`` back in float; the one with only the first was tried before, all are not offered."""
    plan = base
    for count, group in enumerate(list(groups)[:-1], start=1):
        plan = back(view, plan, group, dtype)
        if count > 1:
            yield plan
