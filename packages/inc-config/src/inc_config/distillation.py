"""What a user can ask of distillation."""

from __future__ import annotations

import attrs

from inc_config.fields import Choice, FieldError, as_float, number


class SoftTargetLoss(Choice):
    """The distance between student and teacher outputs: soft cross-entropy, Kullback-Leibler divergence, or squared error of the logits."""

    CE = "ce"
    KL = "kl"
    MSE = "mse"


@attrs.frozen(kw_only=True)
class DistillConfig:
    """Train a student on a teacher's soft targets.

    Loss = ``student_weight`` * loss + ``teacher_weight`` * T^2 * distance(student / T, teacher / T), T = ``temperature``
    (for MSE the T^2 cancels: distance is taken on the logits).

    Source:
        Hinton, Vinyals, Dean, arXiv:1503.02531, section 2.
    """

    temperature: float = attrs.field(default=4.0, converter=as_float, validator=number(above=0.0))
    loss: SoftTargetLoss = attrs.field(default=SoftTargetLoss.KL, converter=SoftTargetLoss)
    student_weight: float = attrs.field(default=0.5, converter=as_float, validator=number(minimum=0.0))
    teacher_weight: float = attrs.field(default=0.5, converter=as_float, validator=number(minimum=0.0))

    def __attrs_post_init__(self) -> None:
        if self.teacher_weight == 0.0:
            raise FieldError("With teacher_weight 0 the teacher has no effect.", field="teacher_weight", fix="give a number above 0")
