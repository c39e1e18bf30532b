"""From 2.x's ``weight_compression_v2`` to a pruning step."""

from __future__ import annotations

from typing import Any

from inc_config.compat.document.pruning import V2Pruner, V2WeightCompression
from inc_config.compat.translate.pruning_rules import (
    criterion_from,
    criterion_of,
    pattern_of,
    reached_by,
    schedule_of,
    scope_of,
    searched,
    texts_of,
)
from inc_config.compat.translate.remarks import Remarks
from inc_config.pruning import PruneConfig, PruneOverride, Regularizer, ScheduleKind
from inc_config.training import TrainingConfig

_SAME = ("start_step", "end_step", "target_sparsity")
_DEFAULTS: dict[str, Any] = {
    "target_sparsity": 0.9,
    "pattern": "4x1",
    "start_step": 0,
    "end_step": 0,
    "schedule": ScheduleKind.EXPONENTIAL,
}
_WHOLE = ("progressive", "keep_zeros")


def by_v2(section: V2WeightCompression, path: str, today: str, remarks: Remarks, *, training: TrainingConfig | None) -> PruneConfig:
    """The step; pruners without names set it, the others override it for their layers."""
    criterion_from(f"{path}.pruning_type", today, remarks)
    fields = {**_DEFAULTS, **_fields(section, path, remarks)}
    fields |= criterion_of(section.pruning_type or "snip_momentum", None, path, remarks)
    overrides: list[dict[str, Any]] = []
    for index, pruner in enumerate(section.pruners or ()):
        place = f"{path}.pruners[{index}]"
        own = _fields(pruner, place, remarks)
        if pruner.pruning_type is not None:
            own |= criterion_of(pruner.pruning_type, None, place, remarks)
        if "include" not in own:
            fields |= own
            continue
        for name in [name for name in _WHOLE if own.pop(name, None) is not None]:
            remarks.changed(place, f"{name} counts for the whole step, not for some layers.", f"{today}.overrides[{len(overrides)}]")
        remarks.comes_from(place, f"{today}.overrides[{len(overrides)}]")
        overrides.append(own)
    fields |= reached_by(fields, path, today, remarks)
    return PruneConfig(**fields, overrides=[PruneOverride(**own) for own in overrides], training=training)


def _fields(section: V2Pruner, path: str, remarks: Remarks) -> dict[str, Any]:
    made: dict[str, Any] = {name: value for name in _SAME if (value := getattr(section, name)) is not None}
    given = {
        "frequency": section.pruning_frequency,
        "min_sparsity_per_op": section.min_sparsity_ratio_per_op,
        "max_sparsity_per_op": section.max_sparsity_ratio_per_op,
        "layer_types": section.pruning_op_types,
        "reduction": section.criterion_reduce_type,
        "pattern": None if section.pattern is None else pattern_of(section.pattern),
        "include": texts_of(section.op_names, searched(f"{path}.op_names", remarks)) or None,
        "exclude": texts_of(section.excluded_op_names, searched(f"{path}.excluded_op_names", remarks)) or None,
    }
    made |= {name: value for name, value in given.items() if value is not None}
    made |= scope_of(section.pruning_scope, f"{path}.pruning_scope", remarks)
    made |= schedule_of(section.sparsity_decay_type, f"{path}.sparsity_decay_type", remarks)
    remarks.drop_given(section, path, ("resume_from_pruned_checkpoint",), "No pruner ever read it.")
    if made.get("end_step") == -1:
        remarks.changed(f"{path}.end_step", "-1 stood for the end of the training.")
        made["end_step"] = None
    return made | _regularizer(section, path, remarks)


def _regularizer(section: V2Pruner, path: str, remarks: Remarks) -> dict[str, Any]:
    coefficient = 0.0 if section.parameters is None else section.parameters.get("reg_coeff", 0.0)
    if section.reg_type is None:
        if section.parameters:
            remarks.dropped(f"{path}.parameters", "There is no regularization that they could count for.")
        return {}
    return {"regularizer": Regularizer(kind=section.reg_type, coefficient=coefficient)}
