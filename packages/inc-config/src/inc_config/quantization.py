"""What a user can ask of quantization."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from inc_config.constraints import OpConstraint
from inc_config.dtypes import FloatType, Scheme
from inc_config.fields import Choice, as_float, flag, number, optional, patterns, strings, texts, whole
from inc_config.named import Named, as_named
from inc_config.recipes import Recipes, as_recipes
from inc_config.target import Target
from inc_config.training import TrainingConfig
from inc_config.tuning import AccuracyCriterion, LossKind, TuningConfig
from inc_config.weight_only import WeightOnlyConfig


class Approach(Choice):
    """When activation ranges are found.

    ``STATIC``: by calibration; ``DYNAMIC``: from each batch at run time; ``AUTO``: static first, dynamic where static cannot;
    ``WEIGHT_ONLY``: activations stay in float.
    """

    STATIC = "static"
    DYNAMIC = "dynamic"
    AUTO = "auto"
    WEIGHT_ONLY = "weight_only"


class Baseline(Choice):
    """What accuracy is compared with: the caller's ``ORIGINAL`` model, or the model that enters the ``STAGE``."""

    ORIGINAL = "original"
    STAGE = "stage"


class Domain(Choice):
    """What the model is for: frameworks choose other defaults for object detection than for language."""

    AUTO = "auto"
    VISION = "vision"
    OBJECT_DETECTION = "object_detection"
    LANGUAGE = "language"
    RECOMMENDATION = "recommendation"


class GraphFormat(Choice):
    """How integers stand in an ONNX graph: as pairs of Q and DQ, or as integer operators; ``DEFAULT`` is the target's."""

    DEFAULT = "default"
    QDQ = "qdq"
    QOPERATOR = "qoperator"


def _constraints(value: Iterable[OpConstraint]) -> tuple[OpConstraint, ...]:
    return tuple(value)


def _precisions(value: str | FloatType | Iterable[str | FloatType]) -> tuple[FloatType, ...]:
    return (FloatType(value),) if isinstance(value, str | FloatType) else tuple(FloatType(item) for item in value)


@attrs.frozen(kw_only=True)
class TunedPrecision:
    """What every step that lowers precision under an accuracy criterion is told.

    ``exclude`` holds regular expressions over operator scopes (full match), ``exclude_types`` operator types: these stay in float.
    ``constraints`` limit what other operators may do. ``excluded_precisions`` are never used instead of fp32.
    """

    accuracy_loss: float = attrs.field(default=0.01, converter=as_float, validator=number(minimum=0.0))
    loss_kind: LossKind = attrs.field(default=LossKind.RELATIVE, converter=LossKind)
    higher_is_better: bool = attrs.field(default=True, validator=flag)
    baseline: Baseline = attrs.field(default=Baseline.ORIGINAL, converter=Baseline)
    exclude: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=patterns)
    exclude_types: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    constraints: tuple[OpConstraint, ...] = attrs.field(default=(), converter=_constraints)
    excluded_precisions: tuple[FloatType, ...] = attrs.field(default=(), converter=_precisions)
    target: Target | None = None
    tuning: TuningConfig = attrs.field(factory=TuningConfig)

    @property
    def criterion(self) -> AccuracyCriterion:
        """The accuracy criterion these fields spell."""
        return AccuracyCriterion(loss=self.accuracy_loss, kind=self.loss_kind, higher_is_better=self.higher_is_better)


@attrs.frozen(kw_only=True)
class QuantizeConfig(TunedPrecision):
    """Post-training quantization, tuned until the accuracy criterion holds.

    ``calibration_samples`` is how many samples of the calibration data are read; ``activation_threshold`` one of minmax, percentile, kl,
    mse; ``recipes`` are options of the whole model. ``reduce_range`` spends 7 bits of 8 (None: nothing overflows anyway).
    ``weight_only`` counts with that approach only.
    """

    approach: Approach = attrs.field(default=Approach.STATIC, converter=Approach)
    calibration_samples: int = attrs.field(default=100, validator=whole(minimum=1))
    activation_threshold: Named = attrs.field(default=Named("minmax"), converter=as_named)
    activation_scheme: Scheme = attrs.field(default=Scheme.ASYMMETRIC, converter=Scheme)
    recipes: Recipes = attrs.field(factory=Recipes, converter=as_recipes)
    weight_only: WeightOnlyConfig = attrs.field(factory=WeightOnlyConfig)
    graph_format: GraphFormat = attrs.field(default=GraphFormat.DEFAULT, converter=GraphFormat)
    reduce_range: bool | None = attrs.field(default=None, validator=optional(flag))
    domain: Domain = attrs.field(default=Domain.AUTO, converter=Domain)


@attrs.frozen(kw_only=True)
class QuantizeAwareConfig(TunedPrecision):
    """Quantization-aware training: the model trains with rounding in its forward pass.

    ``training`` is this step's own; None takes the pipeline's.
    """

    graph_format: GraphFormat = attrs.field(default=GraphFormat.DEFAULT, converter=GraphFormat)
    reduce_range: bool | None = attrs.field(default=None, validator=optional(flag))
    recipes: Recipes = attrs.field(factory=Recipes, converter=as_recipes)
    training: TrainingConfig | None = None


@attrs.frozen(kw_only=True)
class MixedPrecisionConfig(TunedPrecision):
    """Run operators in bf16 or fp16 where the target can, in fp32 where accuracy asks for it."""

    precisions: tuple[FloatType, ...] = attrs.field(default=(FloatType.BF16,), converter=_precisions)
