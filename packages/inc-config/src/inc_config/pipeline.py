"""A whole pipeline as one document: its steps in order, and whether they train together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from inc_config.convert import register_tagged
from inc_config.distillation import DistillConfig
from inc_config.fields import Choice, FieldError
from inc_config.pruning import PruneConfig
from inc_config.quantization import QuantizeConfig

StepConfig = QuantizeConfig | PruneConfig | DistillConfig

STEP_KINDS: dict[str, type[Any]] = {"prune": PruneConfig, "distill": DistillConfig, "quantize": QuantizeConfig}
"""What ``kind`` says in a document, and the class it stands for."""

register_tagged(StepConfig, STEP_KINDS)


class PipelineMode(Choice):
    """``MULTI_SHOT``: every step has its own training, one after the other; ``ONE_SHOT``: training steps share one training."""

    ONE_SHOT = "one-shot"
    MULTI_SHOT = "multi-shot"


def _steps(value: Iterable[StepConfig]) -> tuple[StepConfig, ...]:
    return tuple(value)


def _some(_: Any, attribute: attrs.Attribute[Any], value: tuple[StepConfig, ...]) -> None:
    if not value:
        raise FieldError(f"{attribute.name} is empty.", field=attribute.name, fix=f"name at least one step: {', '.join(STEP_KINDS)}")


@attrs.frozen(kw_only=True)
class PipelineConfig:
    """Steps in order. In a document each step is a mapping with its ``kind`` (prune, distill, quantize) among its fields."""

    steps: tuple[StepConfig, ...] = attrs.field(converter=_steps, validator=_some)
    mode: PipelineMode = attrs.field(default=PipelineMode.MULTI_SHOT, converter=PipelineMode)


def step_kind(step: StepConfig) -> str:
    """The ``kind`` of a step's configuration."""
    return next(kind for kind, cls in STEP_KINDS.items() if isinstance(step, cls))
