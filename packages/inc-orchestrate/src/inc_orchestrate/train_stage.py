"""Run one training stage: compose every step's hooks, train once, finish every step."""

from __future__ import annotations

from typing import Any

import attrs
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.hooks import TrainingHooks, compose
from inc_adaptors.roles import AccessesWeights, Trains, require
from inc_config.errors import StepError

from inc_orchestrate.progress import Progress
from inc_orchestrate.pruning.hooks import KeepMasks
from inc_orchestrate.recording import RecordedHooks
from inc_orchestrate.stages import TrainingStage
from inc_orchestrate.steps.protocol import Arrays, Facts, TrainingRun
from inc_orchestrate.training import Loop, Training


@attrs.frozen(kw_only=True, eq=False)
class Begun:
    """Steps that have been started on one model: their runs, the prepared handle, and the composed hooks."""

    runs: tuple[TrainingRun, ...]
    handle: ModelHandle
    hooks: RecordedHooks

    def finish(self, handle: ModelHandle) -> ModelHandle:
        """Finish every step in order."""
        for run in self.runs:
            handle = run.finish(handle)
        return handle

    def notes(self) -> tuple[str, ...]:
        """Every step's notes."""
        return tuple(note for run in self.runs for note in run.notes())


def begin(stage: TrainingStage, facts: Facts, states: tuple[Arrays, ...] = ()) -> Begun:
    """Start and prepare the stage's steps on ``facts.handle`` and compose their hooks; masks of earlier stages are kept."""
    given = states or tuple({} for _ in stage.steps)
    runs = tuple(step.start(facts, state) for step, state in zip(stage.steps, given, strict=True))
    handle = facts.handle
    keepers = _keepers(facts)
    for run in runs:
        handle = run.prepare(handle)
    parts: tuple[TrainingHooks, ...] = (*keepers, *(run.hooks(handle) for run in runs))
    return Begun(runs=runs, handle=handle, hooks=RecordedHooks(compose(parts)))


def train_stage(stage: TrainingStage, facts: Facts, training: Training, progress: Progress) -> tuple[ModelHandle, tuple[str, ...]]:
    """Train ``facts.handle`` with the stage's hooks.

    Returns:
        The trained handle with its new state, and notes.

    Raises:
        StepError: the user's loop never called a required hook, or returned something else than a model of the same framework.
    """
    begun = begin(stage, facts)
    if training.loop is not None:
        handle = _own_loop(training.loop, begun, facts)
    else:
        with progress.bar(f"train: {stage.name}", training.total_steps) as advance:
            handle = require(facts.adaptor, Trains, step=stage.name).train(
                begun.handle,
                training,
                begun.hooks,
                extra_parameters=tuple(parameter for run in begun.runs for parameter in run.extra_parameters()),
                progress=advance,
            )
    begun.hooks.check()
    return begun.finish(handle), begun.notes()


def _keepers(facts: Facts) -> tuple[TrainingHooks, ...]:
    if not facts.handle.state.masks:
        return ()
    return (KeepMasks(require(facts.adaptor, AccessesWeights, step="keeping masks").weights(facts.handle)),)


def _own_loop(loop: Loop, begun: Begun, facts: Facts) -> ModelHandle:
    returned: Any = loop(begun.handle.native, begun.hooks)
    if returned is None or returned is begun.handle.native:
        return begun.handle
    adaptor = adaptor_for(returned)
    if adaptor.name != facts.adaptor.name:
        raise StepError(
            f"The training loop returned a {adaptor.name} model instead of a {facts.adaptor.name} model.",
            where="Training(loop=...)",
            fix="return the model it was given, or nothing",
        )
    return attrs.evolve(begun.handle, native=returned)
