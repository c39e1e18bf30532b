"""What a step is: one that takes part in a training, or one that is applied to a finished model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.hooks import TrainingHooks
from inc_adaptors.roles import Adaptor
from inc_config.errors import IncError
from numpy.typing import NDArray

from inc_orchestrate.training import Training

Arrays = Mapping[str, NDArray[Any]]


@attrs.frozen(kw_only=True, eq=False)
class Facts:
    """What a step may look at before any work starts.

    ``training`` is the one that the step will take part in (None: outside a pipeline); ``own_loop`` says that the user's loop calls the
    hooks; ``total_steps`` is the number of its optimizer steps where that is known; ``example`` one batch of its inputs (None: there is
    none yet); ``has_calibration`` and ``has_evaluation`` say what data the pipeline was given.
    """

    adaptor: Adaptor
    handle: ModelHandle
    training: Training | None = None
    own_loop: bool = False
    total_steps: int | None = None
    example: Any = None
    has_calibration: bool = False
    has_evaluation: bool = False

    @property
    def steps_per_epoch(self) -> int | None:
        """Optimizer steps of one pass over the training data, where that is known."""
        return None if self.training is None else self.training.steps_per_epoch


class TrainingRun(Protocol):
    """One step's part in one training."""

    def prepare(self, handle: ModelHandle) -> ModelHandle:
        """Change parameters before the optimizer is built."""

    def hooks(self, handle: ModelHandle) -> TrainingHooks:
        """Hooks bound to the model that will train."""

    def extra_parameters(self) -> tuple[Any, ...]:
        """Native parameters of the step's own that the optimizer must train too."""

    def finish(self, handle: ModelHandle) -> ModelHandle:
        """Take the training's result into the handle's state."""

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint must hold to continue (``TrainingStep.start(state=...)``)."""

    def notes(self) -> tuple[str, ...]:
        """What a reader of the result should know, one sentence each."""


@runtime_checkable
class TrainingStep(Protocol):
    """A step whose work is done by hooks while a model trains."""

    @property
    def name(self) -> str:
        """As entry point and in tables."""

    @property
    def train(self) -> Training | None:
        """A training of the step's own, instead of the pipeline's."""

    def check(self, facts: Facts) -> tuple[IncError, ...]:
        """Everything that is wrong, found before any work starts."""

    def start(self, facts: Facts, state: Arrays) -> TrainingRun:
        """Begin one training; ``state`` continues from ``state_arrays``."""


@attrs.frozen(kw_only=True, eq=False)
class Applied:
    """What an applied step made: the new handle, and details for the result (of Quantize: a ``TuningResult``)."""

    handle: ModelHandle
    details: Any = None
    notes: tuple[str, ...] = ()


@runtime_checkable
class AppliedStep(Protocol):
    """A step that turns one finished model into another."""

    @property
    def name(self) -> str:
        """As entry point and in tables."""

    def check(self, facts: Facts) -> tuple[IncError, ...]:
        """Everything that is wrong, found before any work starts."""

    def apply(self, handle: ModelHandle, setting: Any) -> Applied:
        """Make the new model."""


def fault(check: Callable[[], object]) -> tuple[IncError, ...]:
    """Run one check and return its error instead of raising it, so that several faults are reported together."""
    try:
        check()
    except IncError as error:
        return (error,)
    return ()
