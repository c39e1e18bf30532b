"""Pruning, as 1.x, LPOT and 2.x files write it."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from inc_config.compat.document.train import TRAIN, V1Train, epochs_in_order
from inc_config.compat.shapes import Each, Flavoured, ListOf, Section, Value, key
from inc_config.compat.values import anything, choice, decimal, each, flag, number, text, whole
from inc_config.frozen import FrozenMap

_SPARSITY = decimal(minimum=0.0, below=1.0)
_names = each(text)
FREE = Each(Value(anything))
Texts = tuple[str, ...] | None


LPOT_KEYS = ("magnitude", "start_epoch", "end_epoch", "frequency", "init_sparsity", "target_sparsity")


def sparsities_in_order(initial: float | None, target: float | None) -> Iterator[tuple[str, str, str]]:
    """A fault where pruning would have to give weights back."""
    if initial is not None and target is not None and initial > target:
        yield "initial_sparsity", f"initial_sparsity {initial:g} is above target_sparsity {target:g}.", "swap them"


@attrs.frozen(kw_only=True)
class V1Pruner:
    """A ``!Pruner``: other settings for some layers; what it does not say is as in the section around it."""

    start_epoch: int | None = key(whole(minimum=0))
    end_epoch: int | None = key(whole(minimum=0))
    initial_sparsity: float | None = key(number)
    target_sparsity: float | None = key(number)
    update_frequency: float | None = key(number)
    method: str | None = key(choice("per_tensor", "per_channel"))
    prune_type: str | None = key(text)
    start_step: int | None = key(whole(minimum=0))
    end_step: int | None = key(whole(minimum=0))
    update_frequency_on_step: int | None = key(whole(minimum=1))
    prune_domain: str | None = key(text)
    sparsity_decay_type: str | None = key(text)
    pattern: str | None = key(text)
    names: Texts = key(_names)
    extra_excluded_names: Texts = key(_names)
    parameters: FrozenMap[str, Any] | None = key(FREE)


@attrs.frozen(kw_only=True)
class V1WeightCompression:
    """Sections ``weight_compression`` (by epochs) and ``weight_compression_pytorch`` (by steps)."""

    initial_sparsity: float | None = key(_SPARSITY)
    target_sparsity: float | None = key(_SPARSITY)
    max_sparsity_ratio_per_layer: float | None = key(_SPARSITY)
    prune_type: str | None = key(text)
    start_epoch: int | None = key(whole(minimum=0))
    end_epoch: int | None = key(whole(minimum=0))
    start_step: int | None = key(whole(minimum=0))
    end_step: int | None = key(whole(minimum=0))
    update_frequency: float | None = key(decimal(above=0.0))
    update_frequency_on_step: int | None = key(whole(minimum=1))
    excluded_names: Texts = key(_names)
    prune_domain: str | None = key(text)
    names: Texts = key(_names)
    extra_excluded_names: Texts = key(_names)
    prune_layer_type: Texts = key(_names)
    sparsity_decay_type: str | None = key(text)
    pattern: str | None = key(text)
    pruners: tuple[V1Pruner, ...] | None = key(ListOf(Section(V1Pruner, tag=("!Pruner",))))

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """What does not fit together."""
        yield from sparsities_in_order(self.initial_sparsity, self.target_sparsity)
        yield from epochs_in_order(self.start_epoch, self.end_epoch)


@attrs.frozen(kw_only=True)
class V2Pruner:
    """A ``!PrunerV2`` of 2.x files."""

    target_sparsity: float | None = key(number)
    pruning_type: str | None = key(text)
    pattern: str | None = key(text)
    op_names: Texts = key(_names)
    excluded_op_names: Texts = key(_names)
    start_step: int | None = key(whole(minimum=0))
    end_step: int | None = key(whole(minimum=-1))
    pruning_scope: str | None = key(choice("global", "local"))
    pruning_frequency: int | None = key(whole(minimum=1))
    min_sparsity_ratio_per_op: float | None = key(number)
    max_sparsity_ratio_per_op: float | None = key(number)
    sparsity_decay_type: str | None = key(text)
    pruning_op_types: Texts = key(_names)
    reg_type: str | None = key(text)
    criterion_reduce_type: str | None = key(choice("mean", "sum", "max"))
    parameters: FrozenMap[str, Any] | None = key(FREE)
    resume_from_pruned_checkpoint: bool | None = key(flag)


@attrs.frozen(kw_only=True)
class V2WeightCompression(V2Pruner):
    """Section ``weight_compression_v2`` of 2.x files."""

    pruners: tuple[V2Pruner, ...] | None = key(ListOf(Section(V2Pruner, tag=("!PrunerV2",))))


def _keys(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(cls))


_COMPRESSION = Section(V1WeightCompression, yields=_keys(V1Pruner))


@attrs.frozen(kw_only=True)
class V1PruningApproach:
    """Section ``approach``."""

    weight_compression: V1WeightCompression | None = key(_COMPRESSION)
    weight_compression_pytorch: V1WeightCompression | None = key(_COMPRESSION)
    weight_compression_v2: V2WeightCompression | None = key(Section(V2WeightCompression, yields=_keys(V2Pruner)))


@attrs.frozen(kw_only=True)
class LpotMagnitude:
    """One policy under ``magnitude`` of LPOT 1.2 files."""

    weights: Texts = key(_names)
    method: str | None = key(choice("per_channel", "per_tensor"))
    init_sparsity: float | None = key(number)
    target_sparsity: float | None = key(number)
    start_epoch: int | None = key(whole(minimum=0))
    end_epoch: int | None = key(whole(minimum=0))


@attrs.frozen(kw_only=True)
class V1Pruning:
    """Section ``pruning``; the keys from ``magnitude`` on are of LPOT 1.2 files."""

    train: V1Train | None = key(TRAIN)
    approach: V1PruningApproach | None = key(Section(V1PruningApproach))
    magnitude: FrozenMap[str, LpotMagnitude] | None = key(Each(Section(LpotMagnitude)))
    start_epoch: int | None = key(whole(minimum=0))
    end_epoch: int | None = key(whole(minimum=0))
    frequency: int | None = key(whole(minimum=1))
    init_sparsity: float | None = key(number)
    target_sparsity: float | None = key(number)

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """LPOT's own rules, and its keys in a 1.x section."""
        yield from epochs_in_order(self.start_epoch, self.end_epoch)
        if self.magnitude is None:
            for name in LPOT_KEYS[1:]:
                if getattr(self, name) is not None:
                    yield name, f"{name} stands directly under pruning.", "move it under approach.weight_compression"
        elif self.start_epoch is not None and self.start_epoch == self.end_epoch and self.init_sparsity != self.target_sparsity:
            yield "end_epoch", "start_epoch and end_epoch are equal, init_sparsity and target_sparsity differ.", "leave time to prune"


PRUNING = Flavoured(Section(V1Pruning, without=LPOT_KEYS), Section(V1Pruning), hungry=True)
