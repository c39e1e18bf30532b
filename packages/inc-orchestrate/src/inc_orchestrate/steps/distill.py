"""Learn from a teacher while training."""

from __future__ import annotations

from typing import Any

import attrs
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.hooks import TrainingHooks
from inc_adaptors.roles import Adaptor, Distills, Trains, require
from inc_config.distillation import DistillConfig
from inc_config.errors import DataError, IncError, ModelError, StepError
from numpy.typing import NDArray

from inc_orchestrate.distillation import DistillHooks
from inc_orchestrate.steps.protocol import Arrays, Facts, fault
from inc_orchestrate.training import Training

_WHERE = "step distill"


@attrs.frozen(kw_only=True)
class Distill(DistillConfig):
    """A ``DistillConfig`` with its teacher (a native model of the student's framework) and, if wanted, a training of its own."""

    teacher: Any = attrs.field(default=None, eq=False)
    train: Training | None = attrs.field(default=None, eq=False)

    @property
    def name(self) -> str:
        """As entry point and in tables."""
        return "distill"

    def check(self, facts: Facts) -> tuple[IncError, ...]:
        """Roles and the teacher."""
        found = [
            *fault(lambda: require(facts.adaptor, Distills, step=self.name)),
            *fault(lambda: require(facts.adaptor, Trains, step=self.name)),
        ]
        if self.teacher is None:
            return (*found, StepError("Distill has no teacher.", where=f"{_WHERE}, teacher", fix="Distill(teacher=trained_model, ...)"))
        return (*found, *fault(lambda: self._check_teacher(facts)))

    def start(self, facts: Facts, state: Arrays) -> DistillRun:
        """Begin distilling into the model of ``facts``."""
        teacher = require(facts.adaptor, Trains, step=self.name).teacher(self.teacher)
        return DistillRun(DistillHooks(self, losses=require(facts.adaptor, Distills, step=self.name), teacher=teacher))

    def _check_teacher(self, facts: Facts) -> None:
        adaptor = adaptor_for(self.teacher)
        if adaptor.name != facts.adaptor.name:
            raise StepError(
                f"The teacher is a {adaptor.name} model, the student a {facts.adaptor.name} model.",
                where=f"{_WHERE}, teacher",
                fix="use a teacher of the student's framework",
            )
        self._check_outputs(facts, adaptor)
        if self.teacher is facts.handle.native:
            raise StepError(
                "The teacher is the student itself.", where=f"{_WHERE}, teacher", fix="give another model, or a copy made before training"
            )

    def _check_outputs(self, facts: Facts, adaptor: Adaptor) -> None:
        if facts.example is None:
            return
        student = [output.shape for output in facts.adaptor.predict(facts.handle, facts.example)]
        try:
            teacher = [output.shape for output in adaptor.predict(adaptor.open(self.teacher), facts.example)]
        except DataError as error:
            raise StepError(
                f"The teacher cannot run the training's inputs: {error.what}",
                where=f"{_WHERE}, teacher; {error.where}",
                fix="use a teacher that takes the same inputs as the student",
            ) from error
        if student != teacher and not self._can_compare(facts):
            raise StepError(
                f"The teacher's outputs do not fit the student's: {_shapes(teacher)} against {_shapes(student)}.",
                where=f"{_WHERE}, teacher",
                fix="use a teacher for the same task, with the same classes in the same order",
            )

    def _can_compare(self, facts: Facts) -> bool:
        """Whether the loss finds what it compares among outputs of other number or shape, such as hidden states beside logits."""
        run = require(facts.adaptor, Trains, step=self.name).teacher
        distance = require(facts.adaptor, Distills, step=self.name).soft_target_loss(self.loss.value, temperature=self.temperature)
        try:
            distance(run(facts.handle.native)(facts.example), run(self.teacher)(facts.example))
        except ModelError:
            return False
        return True


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes)


class DistillRun:
    """Distillation within one training."""

    def __init__(self, hooks: DistillHooks) -> None:
        self._hooks = hooks

    def prepare(self, handle: ModelHandle) -> ModelHandle:
        """Nothing before the optimizer."""
        return handle

    def hooks(self, handle: ModelHandle) -> TrainingHooks:
        """The hooks that mix the losses."""
        return self._hooks

    def extra_parameters(self) -> tuple[Any, ...]:
        """None."""
        return ()

    def finish(self, handle: ModelHandle) -> ModelHandle:
        """The student's weights are the result."""
        return handle

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """None: the loss has no state."""
        return {}

    def notes(self) -> tuple[str, ...]:
        """None."""
        return ()
