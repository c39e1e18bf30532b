"""Hooks that know which of them were called: the only way to tell whether a user's loop did its part."""

from __future__ import annotations

from typing import Any

from inc_adaptors.hooks import HOOK_NAMES, TrainingHooks
from inc_config.errors import StepError


class RecordedHooks:
    """Pass every call on and remember its name.

    ``on_train_end`` raises ``StepError`` when a required hook was never called before it.
    """

    def __init__(self, inner: TrainingHooks) -> None:
        self._inner = inner
        self._seen: set[str] = set()

    @property
    def required(self) -> frozenset[str]:
        """The hooks without which a step cannot do its work."""
        return self._inner.required

    @property
    def seen(self) -> frozenset[str]:
        """Hooks called so far."""
        return frozenset(self._seen)

    def on_train_begin(self) -> None:
        """Before the first epoch."""
        self._seen.add("on_train_begin")
        self._inner.on_train_begin()

    def on_epoch_begin(self, epoch: int) -> None:
        """Before the first step of an epoch."""
        self._seen.add("on_epoch_begin")
        self._inner.on_epoch_begin(epoch)

    def on_step_begin(self, step: int) -> None:
        """Before the forward pass."""
        self._seen.add("on_step_begin")
        self._inner.on_step_begin(step)

    def on_after_compute_loss(self, inputs: Any, outputs: Any, loss: Any, teacher_outputs: Any = None) -> Any:
        """Between forward and backward; returns the loss to differentiate."""
        self._seen.add("on_after_compute_loss")
        return self._inner.on_after_compute_loss(inputs, outputs, loss, teacher_outputs)

    def on_before_optimizer_step(self) -> None:
        """Gradients are ready, weights not yet changed."""
        self._seen.add("on_before_optimizer_step")
        self._inner.on_before_optimizer_step()

    def on_after_optimizer_step(self) -> None:
        """Weights have changed."""
        self._seen.add("on_after_optimizer_step")
        self._inner.on_after_optimizer_step()

    def on_step_end(self) -> None:
        """After a step."""
        self._seen.add("on_step_end")
        self._inner.on_step_end()

    def on_epoch_end(self) -> None:
        """After the last step of an epoch."""
        self._seen.add("on_epoch_end")
        self._inner.on_epoch_end()

    def on_train_end(self) -> None:
        """After the last epoch."""
        self.check()
        self._seen.add("on_train_end")
        self._inner.on_train_end()

    def check(self) -> None:
        """Raise when a required hook was never called.

        Raises:
            StepError: with the hooks that are missing.
        """
        missing = self.required - self._seen
        if missing:
            names = ", ".join(name for name in HOOK_NAMES if name in missing)
            raise StepError(
                f"The training loop never called {names}.",
                where="the training loop's hooks",
                fix=f"call hooks.{names.split(', ')[0]}(...) in every step of the loop (inc_adaptors.hooks says when)",
            )
