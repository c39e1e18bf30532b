"""When a model is good enough, and how long to search."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from inc_config.compat.shapes import Section, key
from inc_config.compat.values import choice, each, flag, flags, floats_by_blanks, number, percent, text, whole

STRATEGIES = (
    "basic", "bayesian", "exhaustive", "mse", "random", "automixedprecision", "sigopt", "tpe",
    "auto_mixed_precision", "conservative", "hawq_v2", "mse_v2", "fake",
)  # fmt: skip
"""The names of 1.x; the last five are of 2.x files."""

OBJECTIVES = ("accuracy", "performance", "modelsize", "footprint")


@attrs.frozen(kw_only=True)
class V1Strategy:
    """Section ``strategy``; the last two keys are of 2.x files."""

    name: str = key(choice(*STRATEGIES), required=True)
    sigopt_api_token: str | None = key(text)
    sigopt_project_id: str | None = key(text)
    sigopt_experiment_name: str | None = key(text)
    accuracy_weight: float | None = key(number)
    latency_weight: float | None = key(number)
    confidence_batches: int | None = key(whole(minimum=1))
    hawq_v2_loss: str | None = key(text)


@attrs.frozen(kw_only=True)
class V1AccuracyCriterion:
    """Section ``accuracy_criterion``: exactly one of relative and absolute."""

    relative: float | None = key(percent(whole_numbers=False))
    absolute: float | None = key(percent(whole_numbers=True))
    higher_is_better: bool | None = key(flag)

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Both, or neither."""
        if self.relative is not None and self.absolute is not None:
            yield "", "Both relative and absolute say how much accuracy may be lost.", "keep one of them"
        elif self.relative is None and self.absolute is None:
            yield "", "Neither relative nor absolute says how much accuracy may be lost.", "add one, such as 'relative: 0.01'"


@attrs.frozen(kw_only=True)
class V1MultiObjectives:
    """Section ``multi_objectives``."""

    objective: tuple[str, ...] = key(each(choice(*OBJECTIVES), least=1), required=True)
    weight: tuple[float, ...] | None = key(floats_by_blanks)
    higher_is_better: tuple[bool, ...] | None = key(flags)

    @staticmethod
    def raw_faults(entries: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Lists of different lengths; the old reader compared lists only."""
        objective = entries.get("objective")
        for name in ("weight", "higher_is_better"):
            if name not in entries:
                continue
            value = entries[name]
            if not isinstance(objective, list) or not isinstance(value, list):
                yield name, f"objective and {name} are not both lists.", f"write both as lists: {name}: [..., ...]"
            elif len(objective) != len(value):
                yield name, f"objective has {len(objective)} items and {name} {len(value)}.", "give one for each"


@attrs.frozen(kw_only=True)
class V1ExitPolicy:
    """Section ``exit_policy``; ``timeout`` in seconds."""

    timeout: int | None = key(whole(minimum=0))
    max_trials: int | None = key(whole(minimum=0))
    performance_only: bool | None = key(flag)


@attrs.frozen(kw_only=True)
class V1Workspace:
    """Section ``workspace``."""

    path: str | None = key(text)
    resume: str | None = key(text)


@attrs.frozen(kw_only=True)
class V1Diagnosis:
    """Section ``diagnosis``."""

    diagnosis_after_tuning: bool | None = key(flag)
    op_list: tuple[str, ...] | None = key(each(text))
    iteration_list: tuple[int, ...] | None = key(each(whole()))
    inspect_type: str | None = key(choice("all", "activation", "weight"))
    save_to_disk: bool | None = key(flag)
    save_path: str | None = key(text)


@attrs.frozen(kw_only=True)
class V1Tuning:
    """Section ``tuning``."""

    strategy: V1Strategy | None = key(Section(V1Strategy))
    accuracy_criterion: V1AccuracyCriterion | None = key(Section(V1AccuracyCriterion))
    objective: str | None = key(choice(*OBJECTIVES))
    multi_objectives: V1MultiObjectives | None = key(Section(V1MultiObjectives))
    exit_policy: V1ExitPolicy | None = key(Section(V1ExitPolicy))
    random_seed: int | None = key(whole())
    tensorboard: bool | None = key(flag)
    workspace: V1Workspace | None = key(Section(V1Workspace))
    diagnosis: V1Diagnosis | None = key(Section(V1Diagnosis))
