"""From ``weight_compression`` (by epochs) and ``weight_compression_pytorch`` (by steps) to a pruning step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from inc_config.compat.document.pruning import V1Pruner, V1WeightCompression
from inc_config.compat.translate.pruning_rules import (
    criterion_from,
    criterion_of,
    literal,
    pattern_of,
    reached_by,
    schedule_of,
    scope_of,
    searched,
    texts_of,
)
from inc_config.compat.translate.remarks import Remarks
from inc_config.pruning import EpochWindow, PruneConfig, PruneOverride, ScheduleKind
from inc_config.training import TrainingConfig

_EPOCH_KEYS = ("start_epoch", "end_epoch", "update_frequency")
_STEP_KEYS = ("start_step", "end_step", "update_frequency_on_step")
_OVERRIDABLE = (
    "target_sparsity", "pattern", "initial_sparsity", "criterion", "scope", "schedule", "start_step", "end_step", "frequency", "epochs",
    "regularizer", "exclude",
)  # fmt: skip


def by_epochs_or_steps(
    section: V1WeightCompression, path: str, today: str, remarks: Remarks, *, training: TrainingConfig | None, steps: bool
) -> PruneConfig:
    """The step; pruners without names set it, the others override it for their layers."""
    rules = _Rules(path, remarks, steps=steps)
    criterion_from(f"{path}.prune_type", today, remarks)
    fields: dict[str, Any] = {"target_sparsity": 0.97, **rules.fields(section, path)}
    if steps:
        fields = {"start_step": 0, "end_step": 0, "schedule": ScheduleKind.EXPONENTIAL, **fields}
    else:
        fields |= {"epochs": rules.window(section, None, path), "schedule": ScheduleKind.LINEAR}
    overrides = []
    for index, pruner in enumerate(section.pruners or ()):
        place = f"{path}.pruners[{index}]"
        own = rules.fields(pruner, place, within=section)
        if not pruner.names:
            fields |= own
        else:
            overrides.append((place, {"include": rules.names(pruner.names), **own}))
    extra = {"max_sparsity_per_op": section.max_sparsity_ratio_per_layer, "layer_types": section.prune_layer_type}
    fields |= {name: value for name, value in extra.items() if value is not None}
    fields |= reached_by(fields, path, today, remarks)
    return PruneConfig(**fields, overrides=_overrides(overrides, today, remarks), training=training)


def _overrides(found: list[tuple[str, dict[str, Any]]], today: str, remarks: Remarks) -> tuple[PruneOverride, ...]:
    made: list[PruneOverride] = []
    for place, fields in found:
        index = len(made)
        remarks.comes_from(place, f"{today}.overrides[{index}]")
        for name in [name for name in fields if name not in (*_OVERRIDABLE, "include")]:
            remarks.changed(place, f"{name} counts for the whole step, not for some layers.", f"{today}.overrides[{index}]")
            del fields[name]
        override = remarks.make(place, partial(PruneOverride, **fields), instead=None)
        made += [] if override is None else [override]
    return tuple(made)


class _Rules:
    """How keys are read by epochs or by steps."""

    def __init__(self, path: str, remarks: Remarks, *, steps: bool) -> None:
        self._remarks = remarks
        self._steps = steps
        self.convert: Callable[[str], str] = searched(path, remarks) if steps else literal

    def names(self, names: tuple[str, ...] | None) -> tuple[str, ...]:
        """Regular expressions over names of layers and weights."""
        return texts_of(names, self.convert)

    def fields(self, section: V1WeightCompression | V1Pruner, path: str, *, within: V1WeightCompression | None = None) -> dict[str, Any]:
        """What a section or a pruner says, in today's fields."""
        other = _EPOCH_KEYS if self._steps else (*_STEP_KEYS, "prune_domain", "sparsity_decay_type")
        text = "This pruning counts in steps." if self._steps else "This pruning counts in epochs, over each layer, growing linearly."
        self._remarks.drop_given(section, path, other, text)
        made: dict[str, Any] = {}
        for name in ("target_sparsity", "initial_sparsity"):
            if (value := getattr(section, name)) is not None:
                made[name] = value
        if section.pattern is not None:
            made["pattern"] = pattern_of(section.pattern)
        parameters = section.parameters if isinstance(section, V1Pruner) else None
        if section.prune_type is not None or within is None or parameters:
            kind = section.prune_type or (within and within.prune_type) or "basic_magnitude"
            made |= criterion_of(kind, parameters, path, self._remarks)
        if isinstance(section, V1Pruner):
            self._remarks.drop_given(section, path, ("method",), "Scores are taken element by element, whatever the method.")
            excluded = section.extra_excluded_names or ()
        else:
            excluded = (*(section.excluded_names or ()), *(section.extra_excluded_names or ()))
            if section.names:
                made["include"] = self.names(section.names)
        if excluded:
            made["exclude"] = self.names(excluded)
        return made | (self._by_steps(section, path) if self._steps else self._by_epochs(section, within, path))

    def _by_steps(self, section: V1WeightCompression | V1Pruner, path: str) -> dict[str, Any]:
        times = {"start_step": section.start_step, "end_step": section.end_step, "frequency": section.update_frequency_on_step}
        return {
            **{name: value for name, value in times.items() if value is not None},
            **scope_of(section.prune_domain, f"{path}.prune_domain", self._remarks),
            **schedule_of(section.sparsity_decay_type, f"{path}.sparsity_decay_type", self._remarks),
        }

    def _by_epochs(self, section: V1WeightCompression | V1Pruner, within: V1WeightCompression | None, path: str) -> dict[str, Any]:
        if within is None or all(getattr(section, name) is None for name in _EPOCH_KEYS):
            return {}
        return {"epochs": self.window(section, within, path)}

    def window(self, section: V1WeightCompression | V1Pruner, within: V1WeightCompression | None, path: str) -> EpochWindow:
        """When masks are recomputed; a pruner inherits what it does not say."""
        start, end, frequency = (
            first if (first := getattr(section, name)) is not None else getattr(within, name, None) for name in _EPOCH_KEYS
        )
        whole = max(1, int(frequency or 1))
        if section.update_frequency not in (None, whole):
            self._remarks.changed(f"{path}.update_frequency", f"Masks are recomputed after whole epochs: every {whole}.")
        return EpochWindow(start=start or 0, end=4 if end is None else end, frequency=whole)
