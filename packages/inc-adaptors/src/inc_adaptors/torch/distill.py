"""Teachers and the losses that students learn from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from inc_config.distillation import SoftTargetLoss
from inc_config.errors import ModelError, StepError
from torch import nn
from torch.nn import functional

from inc_adaptors.torch.calling import call_checked, device_of, tensors_in, to_native
from inc_adaptors.torch.sharing import copied, evaluation_view

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Teacher:
    """A module in evaluation mode without gradients; it follows its inputs to their device with a copy of its own."""

    def __init__(self, model: nn.Module) -> None:
        self._model = evaluation_view(model)

    def __call__(self, inputs: Any) -> Any:
        """Native outputs for native inputs (arrays are converted)."""
        first = next(tensors_in(inputs), None)
        device = device_of(self._model) if first is None else first.device
        if device_of(self._model) != device:
            self._model = copied(self._model).to(device)
        with torch.no_grad():
            return call_checked(self._model, to_native(inputs, device))


def soft_target_loss(kind: str, *, temperature: float) -> Callable[[Any, Any], torch.Tensor]:
    """Distance between student and teacher logits, shape (N, ..., classes), mean over the samples, T^2 included.

    With ``p`` and ``q`` the softmax over the last axis of teacher and student logits over T: ``ce`` is ``-T^2 mean sum_c p_c log q_c``,
    ``kl`` is ``T^2 mean sum_c p_c log(p_c / q_c)``; ``mse`` is the mean squared difference of the logits (T^2 cancels).

    Raises:
        StepError: unknown kind, or a temperature that is not positive.

    Source:
        Hinton, Vinyals, Dean, arXiv:1503.02531, section 2.
    """
    names = [member.value for member in SoftTargetLoss]
    if kind not in names:
        raise StepError(f"Unknown soft-target loss {kind!r}.", where="distillation loss", fix=f"one of {', '.join(names)}")
    if not temperature > 0.0:
        raise StepError(f"The temperature is {temperature}.", where="distillation temperature", fix="a number above 0, such as 4.0")
    losses: dict[str, Loss] = {"ce": _cross_entropy, "kl": _divergence, "mse": functional.mse_loss}
    distance = losses[kind]
    divisor, factor = (1.0, 1.0) if kind == "mse" else (temperature, temperature**2)

    def loss(student_outputs: Any, teacher_outputs: Any) -> torch.Tensor:
        student, teacher = logits_of(student_outputs), logits_of(teacher_outputs).detach()
        if student.shape != teacher.shape:
            raise ModelError(
                f"Student and teacher outputs differ in shape: {tuple(student.shape)} and {tuple(teacher.shape)}.",
                where="soft-target loss",
                fix="use a teacher with the student's classes",
            )
        return factor * distance(student / divisor, teacher.to(student.dtype) / divisor)

    return loss


def logits_of(outputs: Any) -> torch.Tensor:
    """The tensor to compare: the output itself, the entry ``logits`` of a mapping or object, else the first floating-point tensor.

    Raises:
        ModelError: there is none.
    """
    named = outputs.get("logits") if isinstance(outputs, Mapping) else getattr(outputs, "logits", None)
    for tensor in tensors_in(outputs if named is None else named):
        if tensor.is_floating_point():
            return tensor
    raise ModelError(
        f"{type(outputs).__name__} holds no logits.", where="outputs", fix="return a float tensor, alone, first, or named logits"
    )


def _samples(logits: torch.Tensor) -> int:
    return max(1, logits.numel() // logits.shape[-1])


def _cross_entropy(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    return -(teacher.softmax(-1) * student.log_softmax(-1)).sum() / _samples(student)


def _divergence(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    return functional.kl_div(student.log_softmax(-1), teacher.log_softmax(-1), reduction="sum", log_target=True) / _samples(student)
