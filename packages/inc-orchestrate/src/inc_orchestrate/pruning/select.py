"""Which weights are pruned, with which pattern and target, and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs
from inc_adaptors.roles import WeightInfo
from inc_config.pruning import Pattern, PruneConfig, PruneOverride

from inc_orchestrate.pruning.criteria import resolve
from inc_orchestrate.pruning.patterns import misfit


@attrs.frozen(kw_only=True)
class Choice:
    """A weight to prune, with its own pattern and target."""

    info: WeightInfo
    pattern: Pattern
    target_sparsity: float

    @property
    def elements(self) -> int:
        """How many numbers the weight has."""
        return self.info.matrix[0] * self.info.matrix[1]


@attrs.frozen(kw_only=True)
class Exclusion:
    """A weight that is not pruned, and why."""

    name: str
    reason: str


@attrs.frozen(kw_only=True)
class Selection:
    """The weights to prune and those left alone."""

    chosen: tuple[Choice, ...]
    excluded: tuple[Exclusion, ...]

    def groups(self) -> tuple[tuple[Choice, ...], ...]:
        """Weights that share pattern and target: blocks compete only within a group."""
        found: dict[tuple[Pattern, float], list[Choice]] = {}
        for choice in self.chosen:
            found.setdefault((choice.pattern, choice.target_sparsity), []).append(choice)
        return tuple(tuple(group) for group in found.values())


def select(weights: Iterable[WeightInfo], config: PruneConfig) -> Selection:
    """Apply the configuration's names, types, overrides and pattern to a model's weights.

    The last Linear weight is taken for the classifier head and kept unless an ``include`` pattern or an override names it.
    """
    infos = tuple(weights)
    head = next((info.name for info in reversed(infos) if info.type.startswith("Linear")), None)
    chosen: list[Choice] = []
    excluded: list[Exclusion] = []
    for info in infos:
        override = _override_for(info.name, config.overrides)
        pattern = (override.pattern if override else None) or config.pattern
        asked = override.target_sparsity if override and override.target_sparsity is not None else config.target_sparsity
        reason = _reason_against(info, config, override, head) or misfit(pattern, info.matrix) or _frozen(info, config)
        if not reason and asked == 0.0:
            reason = "its target sparsity is 0"
        if reason:
            excluded.append(Exclusion(name=info.name, reason=reason))
        else:
            chosen.append(Choice(info=info, pattern=pattern, target_sparsity=asked))
    return Selection(chosen=tuple(chosen), excluded=tuple(excluded))


def unmatched(weights: Iterable[WeightInfo], config: PruneConfig) -> tuple[str, ...]:
    """Settings whose patterns match no weight, such as ``exclude 'fc9'``: mostly slips of the pen."""
    names = [info.name for info in weights]
    settings = (
        *(("include", pattern) for pattern in config.include),
        *(("exclude", pattern) for pattern in config.exclude),
        *((f"overrides[{index}].include", pattern) for index, override in enumerate(config.overrides) for pattern in override.include),
    )
    return tuple(f"{field} {pattern!r}" for field, pattern in settings if not any(_matching(name, (pattern,)) for name in names))


def _override_for(name: str, overrides: tuple[PruneOverride, ...]) -> PruneOverride | None:
    """The last override that matches, so that later entries refine earlier ones."""
    meant = (each for each in reversed(overrides) if _matching(name, each.include) and not _matching(name, each.exclude))
    return next(meant, None)


def _matching(name: str, patterns: tuple[str, ...]) -> str | None:
    """The first pattern that matches the weight's name or its layer's (``fc1.weight`` and ``fc1``)."""
    layer = name.removesuffix(".weight")
    return next((pattern for pattern in patterns if re.fullmatch(pattern, name) or re.fullmatch(pattern, layer)), None)


def _frozen(info: WeightInfo, config: PruneConfig) -> str:
    if info.is_frozen and resolve(config.criterion).accumulates:
        return f"it is frozen, so {config.criterion.name} never sees a gradient; criterion 'magnitude' needs none"
    return ""


def _reason_against(info: WeightInfo, config: PruneConfig, override: PruneOverride | None, head: str | None) -> str:
    if (pattern := _matching(info.name, config.exclude)) is not None:
        return f"matches exclude {pattern!r}"
    named = override is not None or _matching(info.name, config.include) is not None
    if config.include and not named:
        return "matches no include pattern"
    if not any(info.type.startswith(kind) for kind in config.layer_types):
        return f"type {info.type} is not among layer_types {', '.join(config.layer_types)}"
    if info.name == head and not named:
        return "classifier head (the last Linear); name it in include to prune it"
    return ""
