"""Training steps inside the user's own loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_config.errors import StepError
from inc_config.pipeline import PipelineMode
from numpy.typing import NDArray

from inc_orchestrate.checks import raise_together
from inc_orchestrate.recording import RecordedHooks
from inc_orchestrate.stages import TrainingStage, plan_stages
from inc_orchestrate.steps.protocol import AppliedStep, Facts, TrainingStep
from inc_orchestrate.train_stage import Begun, begin


@attrs.frozen(kw_only=True, eq=False)
class Compression:
    """Steps bound to a model that the user trains.

    Call ``hooks`` in the loop, give ``extra_parameters`` to the optimizer beside the model's own, and ``finish()`` after the last step.
    """

    begun: Begun
    names: tuple[str, ...]

    @property
    def hooks(self) -> RecordedHooks:
        """All steps' hooks as one."""
        return self.begun.hooks

    @property
    def model(self) -> Any:
        """The native model to train."""
        return self.begun.handle.native

    @property
    def extra_parameters(self) -> tuple[Any, ...]:
        """Native parameters that the optimizer must train too."""
        return tuple(parameter for run in self.begun.runs for parameter in run.extra_parameters())

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """For a checkpoint; ``prepare(..., state=...)`` continues from it."""
        return {
            f"{index}/{name}/{key}": array
            for index, (name, run) in enumerate(zip(self.names, self.begun.runs, strict=True))
            for key, array in run.state_arrays().items()
        }

    def finish(self) -> ModelHandle:
        """End the steps: masks are applied a last time and kept in the handle, whose ``native`` is the model.

        Raises:
            StepError: the loop never called a required hook.
        """
        self.hooks.check()
        return self.begun.finish(self.begun.handle)

    def notes(self) -> tuple[str, ...]:
        """What the steps have to say: weights left alone, an unfinished schedule."""
        return self.begun.notes()


def prepare(
    model: Any,
    steps: Sequence[TrainingStep | AppliedStep],
    *,
    in_place: bool = True,
    total_steps: int | None = None,
    state: Mapping[str, NDArray[Any]] | None = None,
) -> Compression:
    """Bind training steps to a model for a loop of the user's own.

    Args:
        model: a native model.
        steps: training steps; they share the loop.
        in_place: change ``model`` itself, so that a loop which already holds it needs no change; False works on a copy.
        total_steps: how many optimizer steps the loop will take, for schedules without ``end_step``.
        state: ``state_arrays()`` of an interrupted training.

    Raises:
        StepError: a step that is not a training step, or without what it needs.
        MissingRoleError: the model's framework cannot do a step.
    """
    (stage,) = _only_training(steps)
    adaptor = adaptor_for(model)
    handle = adaptor.open(model)
    facts = Facts(adaptor=adaptor, handle=handle if in_place else adaptor.copy(handle), own_loop=True, total_steps=total_steps)
    raise_together(error for step in stage.steps for error in step.check(facts))
    names = tuple(step.name for step in stage.steps)
    given = state or {}
    states = tuple(
        {key.removeprefix(prefix): array for key, array in given.items() if key.startswith(prefix)}
        for prefix in (f"{index}/{name}/" for index, name in enumerate(names))
    )
    return Compression(begun=begin(stage, facts, states), names=names)


def _only_training(steps: Sequence[TrainingStep | AppliedStep]) -> tuple[TrainingStage]:
    stages = plan_stages(steps, PipelineMode.ONE_SHOT)
    training = [stage for stage in stages if isinstance(stage, TrainingStage)]
    if len(stages) != 1 or not training:
        applied = next(stage.name for stage in stages if not isinstance(stage, TrainingStage))
        raise StepError(
            f"{applied} takes no part in a training.",
            where="prepare(steps=...)",
            fix=f"prepare the training steps alone, then run Pipeline([{applied.capitalize()}(...)]).fit(model)",
        )
    return (training[0],)
