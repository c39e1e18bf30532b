"""What a user can ask of distillation: from a teacher's outputs, from its layers, or from a model's own deeper parts."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from inc_config.fields import Choice, FieldError, as_float, number, optional, some
from inc_config.training import TrainingConfig


class SoftTargetLoss(Choice):
    """The distance between student and teacher outputs: soft cross-entropy, Kullback-Leibler divergence, or squared error of the logits."""

    CE = "ce"
    KL = "kl"
    MSE = "mse"


class FeatureLoss(Choice):
    """The distance between two layers' outputs: squared error, absolute error, or KL divergence of their normalized values."""

    MSE = "mse"
    L1 = "l1"
    KL = "kl"


class SelfLoss(Choice):
    """The distance between two outputs of one model: cross-entropy, KL divergence, or squared error of features."""

    CE = "ce"
    KL = "kl"
    L2 = "l2"


_weight = number(minimum=0.0)


@attrs.frozen(kw_only=True)
class DistillConfig:
    """Train a student on a teacher's soft targets.

    Loss = ``student_weight`` * loss + ``teacher_weight`` * T^2 * distance(student / T, teacher / T), T = ``temperature``
    (for MSE the T^2 cancels: distance is taken on the logits). ``training`` is this step's own; None takes the pipeline's.

    Source:
        Hinton, Vinyals, Dean, arXiv:1503.02531, section 2.
    """

    temperature: float = attrs.field(default=4.0, converter=as_float, validator=number(above=0.0))
    loss: SoftTargetLoss = attrs.field(default=SoftTargetLoss.KL, converter=SoftTargetLoss)
    student_weight: float = attrs.field(default=0.5, converter=as_float, validator=_weight)
    teacher_weight: float = attrs.field(default=0.5, converter=as_float, validator=_weight)
    training: TrainingConfig | None = None

    def __attrs_post_init__(self) -> None:
        if self.teacher_weight == 0.0:
            raise FieldError("With teacher_weight 0 the teacher has no effect.", field="teacher_weight", fix="give a number above 0")


_some = some("name at least one pair")


@attrs.frozen(kw_only=True)
class LayerMapping:
    """One layer of the student that learns from one of the teacher (None: the layer of the same name).

    A part picks one of several outputs: a key of a mapping, or a position written as a number ("0"). ``weight`` None shares 1 evenly.
    """

    student: str
    teacher: str | None = None
    student_part: str | None = None
    teacher_part: str | None = None
    loss: FeatureLoss = attrs.field(default=FeatureLoss.MSE, converter=FeatureLoss)
    weight: float | None = attrs.field(default=None, converter=attrs.converters.optional(as_float), validator=optional(_weight))


def _mappings(value: Iterable[LayerMapping]) -> tuple[LayerMapping, ...]:
    return tuple(value)


@attrs.frozen(kw_only=True)
class DistillLayersConfig:
    """Train a student's layers on a teacher's: ``student_weight`` * loss + sum of weight * distance over the mappings.

    Source:
        Romero et al., arXiv:1412.6550.
    """

    mappings: tuple[LayerMapping, ...] = attrs.field(converter=_mappings, validator=_some)
    student_weight: float = attrs.field(default=0.0, converter=as_float, validator=_weight)
    training: TrainingConfig | None = None


@attrs.frozen(kw_only=True)
class OutputPair:
    """Two entries of a model's output mapping: ``student`` learns from ``teacher``."""

    student: str
    teacher: str


def _pairs(value: Iterable[OutputPair]) -> tuple[OutputPair, ...]:
    return tuple(value)


@attrs.frozen(kw_only=True)
class SelfLevel:
    """Pairs of one kind (classifiers, features) that share a loss and a weight (None: shared evenly)."""

    pairs: tuple[OutputPair, ...] = attrs.field(converter=_pairs, validator=_some)
    loss: SelfLoss = attrs.field(default=SelfLoss.CE, converter=SelfLoss)
    weight: float | None = attrs.field(default=None, converter=attrs.converters.optional(as_float), validator=optional(_weight))


def _levels(value: Iterable[SelfLevel]) -> tuple[SelfLevel, ...]:
    return tuple(value)


@attrs.frozen(kw_only=True)
class DistillSelfConfig:
    """Train a model's shallow outputs on its deep ones: ``student_weight`` * loss + sum of weight * distance over all pairs.

    Source:
        Zhang et al., arXiv:1905.08094.
    """

    levels: tuple[SelfLevel, ...] = attrs.field(converter=_levels, validator=_some)
    temperature: float = attrs.field(default=1.0, converter=as_float, validator=number(above=0.0))
    student_weight: float = attrs.field(default=0.0, converter=as_float, validator=_weight)
    training: TrainingConfig | None = None
