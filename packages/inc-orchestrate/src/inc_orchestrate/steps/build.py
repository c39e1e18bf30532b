"""From configurations to steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from inc_config import plugins
from inc_config.errors import StepError
from inc_config.pipeline import STEP_KINDS

from inc_orchestrate.steps.protocol import AppliedStep, TrainingStep

Step = TrainingStep | AppliedStep


def build_steps(configs: Iterable[Any], *, teacher: Any = None) -> tuple[Step, ...]:
    """Make a step of every configuration; steps pass through.

    Raises:
        StepError: something is no step's configuration.
    """
    return tuple(_build(config, index, teacher) for index, config in enumerate(configs))


def _build(config: Any, index: int, teacher: Any) -> Step:
    if isinstance(config, TrainingStep | AppliedStep):
        return config
    kind = next((kind for kind, config_class in STEP_KINDS.items() if isinstance(config, config_class)), None)
    if kind is None:
        raise StepError(
            f"Item {index} is a {type(config).__name__}, which is no step's configuration.",
            where=f"Pipeline.from_config([...])[{index}]",
            fix=f"give {', '.join(each.__name__ for each in STEP_KINDS.values())}",
        )
    step_class = plugins.load("inc.steps", kind)
    fields = {field.name: getattr(config, field.name) for field in attrs.fields(type(config))}
    live = {"teacher": teacher} if any(field.name == "teacher" for field in attrs.fields(step_class)) else {}
    step: Step = step_class(**fields, **live)
    return step
