"""The training-hooks protocol: what a training loop calls, ours or the user's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import attrs

HOOK_NAMES = (
    "on_train_begin",
    "on_epoch_begin",
    "on_step_begin",
    "on_after_compute_loss",
    "on_before_optimizer_step",
    "on_after_optimizer_step",
    "on_step_end",
    "on_epoch_end",
    "on_train_end",
)


@runtime_checkable
class TrainingHooks(Protocol):
    """What happens around an optimizer step. A step of a schedule is an optimizer step.

    ``required`` names the hooks without which the step cannot do its work; a loop that never called one is an error at the end.
    """

    @property
    def required(self) -> frozenset[str]:
        """Hooks without which the step cannot do its work."""

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before the first step of an epoch."""

    def on_step_begin(self, step: int) -> None:
        """Before the forward pass."""

    def on_after_compute_loss(self, inputs: Any, outputs: Any, loss: Any, teacher_outputs: Any = None) -> Any:
        """Between forward and backward; returns the loss to differentiate."""

    def on_before_optimizer_step(self) -> None:
        """Gradients are ready, weights not yet changed."""

    def on_after_optimizer_step(self) -> None:
        """Weights have changed."""

    def on_step_end(self) -> None:
        """After a step."""

    def on_epoch_end(self) -> None:
        """After the last step of an epoch."""

    def on_train_end(self) -> None:
        """After the last epoch."""


class NoHooks:
    """Hooks that do nothing: subclass it and override what a step needs."""

    @property
    def required(self) -> frozenset[str]:
        """No hook is needed."""
        return frozenset()

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before the first step of an epoch."""

    def on_step_begin(self, step: int) -> None:
        """Before the forward pass."""

    def on_after_compute_loss(self, inputs: Any, outputs: Any, loss: Any, teacher_outputs: Any = None) -> Any:
        """Between forward and backward; returns the loss to differentiate."""
        return loss

    def on_before_optimizer_step(self) -> None:
        """Gradients are ready, weights not yet changed."""

    def on_after_optimizer_step(self) -> None:
        """Weights have changed."""

    def on_step_end(self) -> None:
        """After a step."""

    def on_epoch_end(self) -> None:
        """After the last step of an epoch."""

    def on_train_end(self) -> None:
        """After the last epoch."""


@attrs.frozen
class ComposedHooks:
    """Several steps' hooks as one, called in order; the loss is passed through all of them."""

    parts: tuple[TrainingHooks, ...]

    @property
    def required(self) -> frozenset[str]:
        """Every part's required hooks."""
        return frozenset().union(*(part.required for part in self.parts))

    def on_train_begin(self) -> None:
        """Before the first epoch."""
        self._call("on_train_begin")

    def on_epoch_begin(self, epoch: int) -> None:
        """Before the first step of an epoch."""
        self._call("on_epoch_begin", epoch)

    def on_step_begin(self, step: int) -> None:
        """Before the forward pass."""
        self._call("on_step_begin", step)

    def on_after_compute_loss(self, inputs: Any, outputs: Any, loss: Any, teacher_outputs: Any = None) -> Any:
        """Pass the loss through every part in order."""
        for part in self.parts:
            loss = part.on_after_compute_loss(inputs, outputs, loss, teacher_outputs)
        return loss

    def on_before_optimizer_step(self) -> None:
        """Gradients are ready, weights not yet changed."""
        self._call("on_before_optimizer_step")

    def on_after_optimizer_step(self) -> None:
        """Weights have changed."""
        self._call("on_after_optimizer_step")

    def on_step_end(self) -> None:
        """After a step."""
        self._call("on_step_end")

    def on_epoch_end(self) -> None:
        """After the last step of an epoch."""
        self._call("on_epoch_end")

    def on_train_end(self) -> None:
        """After the last epoch."""
        self._call("on_train_end")

    def _call(self, name: str, *args: Any) -> None:
        for part in self.parts:
            getattr(part, name)(*args)


def compose(parts: Iterable[TrainingHooks]) -> ComposedHooks:
    """Compose hooks in order."""
    return ComposedHooks(tuple(parts))
