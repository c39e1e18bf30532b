"""Distillation, and the searches for students."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

from typing import Any

import attrs

from inc_config.compat.document.train import TRAIN, V1Train
from inc_config.compat.shapes import Each, Section, Value, key
from inc_config.compat.values import WrongError, anything, choice, each, flag, flags, number, text, whole
from inc_config.frozen import FrozenMap

FREE = Each(Value(anything))


@attrs.frozen(kw_only=True)
class V1Distillation:
    """Section ``distillation``."""

    train: V1Train | None = key(TRAIN)


@attrs.frozen(kw_only=True)
class V1AutoSearch:
    """Section ``search`` of ``auto_distillation``."""

    search_space: FrozenMap[str, Any] = key(FREE, required=True)
    search_algorithm: str | None = key(text)
    metrics: tuple[str, ...] | None = key(each(text))
    higher_is_better: tuple[bool, ...] | None = key(flags)
    max_trials: int | None = key(whole(minimum=1))
    seed: int | None = key(whole())


@attrs.frozen(kw_only=True)
class V1Transfer:
    """One phase of ``flash_distillation``."""

    block_names: tuple[str, ...] | None = key(each(text))
    layer_mappings_for_knowledge_transfer: tuple[Any, ...] = key(each(anything, listed=True), required=True)
    loss_types: tuple[Any, ...] | None = key(each(anything))
    loss_weights: tuple[Any, ...] | None = key(each(anything))
    add_origin_loss: tuple[bool, ...] | None = key(each(flag))
    train_steps: tuple[int, ...] | None = key(each(whole(minimum=0)))


@attrs.frozen(kw_only=True)
class V1FlashDistillation:
    """Section ``flash_distillation``."""

    knowledge_transfer: V1Transfer | None = key(Section(V1Transfer))
    regular_distillation: V1Transfer | None = key(Section(V1Transfer))


@attrs.frozen(kw_only=True)
class V1AutoDistillation:
    """Section ``auto_distillation``."""

    search: V1AutoSearch = key(Section(V1AutoSearch), required=True)
    flash_distillation: V1FlashDistillation | None = key(Section(V1FlashDistillation))


def _algorithm(value: Any) -> str:
    return "bo" if value in (None, "None") else str(choice("grid", "random", "bo")(value))


def _approach(value: Any) -> str:
    return "basic" if value in (None, "None") else str(choice("basic", "dynas", any_case=True)(value))


def _trials(value: Any) -> int:
    if value in (None, "None"):
        return 3
    if type(value) is not int or value < 1:
        raise WrongError(f"The value cannot be {value!r:.100}.", "write a whole number of at least 1")
    return value


@attrs.frozen(kw_only=True)
class V1NasSearch:
    """Section ``search`` of ``nas``."""

    search_space: FrozenMap[str, Any] | None = key(FREE)
    search_algorithm: str | None = key(_algorithm)
    metrics: tuple[str, ...] | None = key(each(text))
    higher_is_better: tuple[bool, ...] | None = key(flags)
    max_trials: int | None = key(_trials)
    seed: int | None = key(whole())


@attrs.frozen(kw_only=True)
class V1Dynas:
    """Section ``dynas``; the keys from ``supernet_ckpt_path`` on are of 2.x files."""

    supernet: str | None = key(text)
    metrics: tuple[str, ...] | None = key(each(text))
    population: int | None = key(whole(minimum=1))
    num_evals: int | None = key(whole(minimum=1))
    results_csv_path: str | None = key(text)
    dataset_path: str | None = key(text)
    batch_size: int | None = key(whole(minimum=1))
    supernet_ckpt_path: str | None = key(text)
    eval_batch_size: int | None = key(whole(minimum=1))
    num_workers: int | None = key(whole(minimum=0))
    distributed: bool | None = key(flag)
    test_fraction: float | None = key(number)


@attrs.frozen(kw_only=True)
class V1Nas:
    """Section ``nas``."""

    approach: str | None = key(_approach)
    search: V1NasSearch | None = key(Section(V1NasSearch))
    dynas: V1Dynas | None = key(Section(V1Dynas))
