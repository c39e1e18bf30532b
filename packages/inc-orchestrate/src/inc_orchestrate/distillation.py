"""Distillation in any training loop: the loss becomes a weighted sum with the distance to a teacher."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inc_adaptors.hooks import NoHooks
from inc_adaptors.roles import Distills
from inc_config.distillation import DistillConfig


class DistillHooks(NoHooks):
    """Add the soft-target loss.

    Args:
        config: weights, temperature and kind of the loss.
        losses: the adaptor's distillation losses.
        teacher: native inputs to native outputs, without gradients; a loop that hands teacher outputs to the hook spares the call.
    """

    def __init__(self, config: DistillConfig, *, losses: Distills, teacher: Callable[[Any], Any]) -> None:
        self._config = config
        self._teacher = teacher
        self._distance = losses.soft_target_loss(config.loss.value, temperature=config.temperature)

    @property
    def required(self) -> frozenset[str]:
        """The hook that sees inputs, outputs and loss."""
        return frozenset({"on_after_compute_loss"})

    def on_after_compute_loss(self, inputs: Any, outputs: Any, loss: Any, teacher_outputs: Any = None) -> Any:
        """Return ``student_weight * loss + teacher_weight * distance``; the distance brings its T^2 along."""
        target = self._teacher(inputs) if teacher_outputs is None else teacher_outputs
        return self._config.student_weight * loss + self._config.teacher_weight * self._distance(outputs, target)
