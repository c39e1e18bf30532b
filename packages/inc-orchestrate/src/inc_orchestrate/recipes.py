"""Options of the whole model: those carried out here, those handed on in the plan, and those that have no effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Optimizes
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.frozen import FrozenMap
from inc_config.plan import FLOAT
from inc_config.quantization import GraphFormat, QuantizeConfig
from inc_config.tuning import TuningConfig
from inc_strategy.strategies.recipes import FIRST, LAST, OUTSIDE, outer_groups

from inc_orchestrate.unused import changed_fields

_GRAPH_FORMAT = "graph_format"
_SPLIT = "gemm_to_matmul"
_CARRIED_OUT = frozenset({FIRST, LAST, OUTSIDE})
_SETTINGS = frozenset(
    {
        "approach", "accuracy_loss", "loss_kind", "higher_is_better", "baseline", "calibration_samples", "activation_threshold",
        "activation_scheme", "exclude", "exclude_types", "recipes", "target", "tuning", "constraints", "excluded_precisions",
    }
)  # fmt: skip
_TUNING = frozenset({"strategy", "objectives", "exit_policy", "seed", "ledger", "calibration_samples"})


def recipes_of(config: QuantizeConfig) -> FrozenMap[str, Any]:
    """What every plan under a configuration carries besides its operators, as plain data: changed recipes, and the format of the graph."""
    if config.graph_format is GraphFormat.DEFAULT:
        return config.recipes.changed
    return FrozenMap({**config.recipes.changed, _GRAPH_FORMAT: config.graph_format.value})


def rewritten(adaptor: Adaptor, handle: ModelHandle, config: QuantizeConfig) -> ModelHandle:
    """The model that is described, calibrated and quantized: rewritten to the recipe ``graph_level``, where the adaptor can.

    Raises:
        ModelError: the runtime cannot load the model.
    """
    level = config.recipes.graph_level
    return handle if level is None or not isinstance(adaptor, Optimizes) else adaptor.optimized(handle, level)


def restrict_by_recipes(capabilities: Capabilities, recipes: Mapping[str, Any]) -> Capabilities:
    """Keep in float what a recipe says False of: the first or last convolution or matrix product, or whatever lies outside of these two."""
    groups = outer_groups(capabilities)
    kept = {op: recipe for recipe in (OUTSIDE, FIRST, LAST) if recipes.get(recipe) is False for op in groups[recipe]}

    def judged(op: OpCapability) -> OpCapability:
        if op.op not in kept or not op.is_lowerable:
            return op
        reason = Reason(ReasonCode.EXCLUDED_BY_RECIPE, f"{kept[op.op]} is False")
        return attrs.evolve(op, options=(FLOAT,), reason=reason)

    return attrs.evolve(capabilities, ops=tuple(judged(op) for op in capabilities.ops))


def without_split(op: OpCapability, recipes: Mapping[str, Any]) -> OpCapability:
    """A Gemm without dynamic ranges, which need MatMul and Add, where the recipe forbids to split it."""
    left = tuple(option for option in op.options if not option.is_dynamic)
    if recipes.get(_SPLIT, True) or op.op.type != "Gemm" or left == op.options:
        return op
    reason = Reason(ReasonCode.EXCLUDED_BY_RECIPE, f"dynamic ranges need MatMul, and {_SPLIT} is False")
    return attrs.evolve(op, options=left, reason=op.reason if any(option != FLOAT for option in left) else reason)


def without_effect(config: QuantizeConfig, adaptor: object = None) -> tuple[str, ...]:
    """Settings that were asked for and that neither this package nor ``adaptor`` (its attribute ``recipes``) carries out."""
    theirs: frozenset[str] = getattr(adaptor, "recipes", frozenset())
    unused = changed_fields(config, QuantizeConfig, but=_SETTINGS | ({_GRAPH_FORMAT} & theirs))
    tuning = changed_fields(config.tuning, TuningConfig, but=_TUNING)
    recipes = (name for name in config.recipes.changed if name not in _CARRIED_OUT | theirs)
    return (*unused, *(f"tuning.{name}" for name in tuning), *(f"recipes.{name}" for name in recipes))
