"""Recipes as stages of a search: one value of a list per trial, and groups of operators that are often the ones to keep in float."""

from __future__ import annotations

from typing import Any

import attrs
from inc_config.capabilities import Capabilities
from inc_config.plan import OpId, QuantizationPlan

from inc_strategy.plans import Group, in_float
from inc_strategy.view import View

FIRST, LAST, OUTSIDE = "first_conv_or_matmul", "last_conv_or_matmul", "pre_post_process"
SMOOTH_QUANT = "smooth_quant"

_HEAVY = ("Conv", "MatMul", "Gemm", "Linear", "Attention")


def outer_groups(capabilities: Capabilities) -> dict[str, Group]:
    """The first and the last convolution or matrix product in order of execution, and what runs before or after these, by recipe."""
    order = [capability.op for capability in capabilities.ops]
    heavy = [place for place, op in enumerate(order) if op.type.startswith(_HEAVY)]
    if not heavy:
        return {FIRST: (), LAST: (), OUTSIDE: ()}
    return {
        FIRST: (order[heavy[0]],),
        LAST: (order[heavy[-1]],),
        OUTSIDE: (*order[: heavy[0]], *order[heavy[-1] + 1 :]),
    }


def one_per_alpha(view: View) -> tuple[QuantizationPlan, ...]:
    """The default plan, once for every alpha that SmoothQuant was given; only itself where alpha is one number or searched."""
    given: Any = view.recipes.get(SMOOTH_QUANT) or {}
    alphas = given.get("alphas", ())
    if len(alphas) < 2 or given.get("search"):
        return (view.default_plan,)
    return tuple(
        attrs.evolve(view.default_plan, recipes={**view.recipes, SMOOTH_QUANT: {**given, "alphas": (alpha,)}})
        for alpha in dict.fromkeys(alphas)
    )


def by_recipe(view: View, base: QuantizationPlan) -> tuple[QuantizationPlan, ...]:
    """``base`` with each outer group in float, then with all of them; not what leaves no integers."""
    groups = [tuple(op for op in group if base.ops[op].is_quantized) for group in outer_groups(view.capabilities).values()]
    together: dict[OpId, None] = dict.fromkeys(op for group in groups for op in group)
    wanted = dict.fromkeys((*groups, tuple(together)))
    return tuple(in_float(base, group) for group in wanted if 0 < len(group) < len(base.quantized))
