"""Which steps share a training: the only code that knows one-shot from multi-shot."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from inc_config.errors import StepError
from inc_config.fields import FieldError
from inc_config.pipeline import PipelineMode
from inc_config.quantization import TunedPrecision

from inc_orchestrate.steps.protocol import AppliedStep, TrainingStep


@attrs.frozen(kw_only=True, eq=False)
class TrainingStage:
    """Steps whose hooks run in one training."""

    steps: tuple[TrainingStep, ...]

    @property
    def name(self) -> str:
        """The steps' names."""
        return " + ".join(step.name for step in self.steps)


@attrs.frozen(kw_only=True, eq=False)
class AppliedStage:
    """One step applied to the model that the stages before it made."""

    step: AppliedStep

    @property
    def name(self) -> str:
        """The step's name."""
        return self.step.name


Stage = TrainingStage | AppliedStage


def plan_stages(steps: Sequence[TrainingStep | AppliedStep], mode: PipelineMode | str) -> tuple[Stage, ...]:
    """Arrange steps in stages.

    Raises:
        StepError: no step, something that is no step, an unknown mode, or an impossible order.
    """
    chosen = _mode(mode)
    _check_kinds(steps)
    _check_order(steps)
    training = tuple(step for step in steps if isinstance(step, TrainingStep))
    applied = tuple(AppliedStage(step=step) for step in steps if isinstance(step, AppliedStep))
    if chosen is PipelineMode.MULTI_SHOT:
        return (*(TrainingStage(steps=(step,)) for step in training), *applied)
    return (*((TrainingStage(steps=training),) if training else ()), *applied)


def _mode(mode: PipelineMode | str) -> PipelineMode:
    try:
        return PipelineMode(mode)
    except FieldError as error:
        raise StepError(error.what, where="Pipeline(mode=...)", fix=error.fix) from error


def _check_kinds(steps: Sequence[object]) -> None:
    if not steps:
        raise StepError("The pipeline has no steps.", where="Pipeline([...])", fix="give at least one, such as Quantize()")
    for index, step in enumerate(steps):
        if not isinstance(step, TrainingStep | AppliedStep) or isinstance(step, type):
            what = f"the class {step.__name__}" if isinstance(step, type) else f"a {type(step).__name__}"
            raise StepError(
                f"Step {index} is {what}, which is no step.",
                where=f"Pipeline([...])[{index}]",
                fix="give Prune(...), Distill(...) or Quantize(...); configurations go through Pipeline.from_config",
            )


def _check_order(steps: Sequence[TrainingStep | AppliedStep]) -> None:
    first = next((index for index, step in enumerate(steps) if isinstance(step, AppliedStep)), len(steps))
    for index, step in enumerate(steps[first + 1 :], start=first + 1):
        before = steps[first].name
        where = f"Pipeline([...])[{index}]"
        if isinstance(step, TrainingStep):
            what = f"Step {index} ({step.name}) comes after step {first} ({before}): a model in integers cannot be trained."
            raise StepError(what, where=where, fix=f"put {step.name} before {before}")
        if isinstance(step, TunedPrecision) and isinstance(steps[first], TunedPrecision) and step.name != before:
            what = f"Steps {first} ({before}) and {index} ({step.name}) both choose the precision of every operator."
            fix = "leave one; quantize uses bf16 and fp16 by itself, unless excluded_precisions says no"
            raise StepError(what, where=where, fix=fix)
        if step.name == before:
            raise StepError(f"Steps {first} and {index} are both {before}.", where=where, fix=f"leave one {before} step")
