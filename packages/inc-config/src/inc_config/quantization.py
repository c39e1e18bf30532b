"""What a user can ask of quantization."""

from __future__ import annotations

from typing import Any

import attrs

from inc_config.dtypes import Scheme
from inc_config.fields import Choice, as_float, flag, number, patterns, strings, texts, whole
from inc_config.frozen import FrozenMap, freeze_map
from inc_config.named import Named, as_named
from inc_config.target import Target
from inc_config.tuning import AccuracyCriterion, LossKind, TuningConfig


class Approach(Choice):
    """When activation ranges are found.

    ``STATIC``: by calibration; ``DYNAMIC``: from each batch at run time; ``AUTO``: static first, dynamic where static cannot.
    """

    STATIC = "static"
    DYNAMIC = "dynamic"
    AUTO = "auto"


class Baseline(Choice):
    """What accuracy is compared with: the caller's ``ORIGINAL`` model, or the model that enters the ``STAGE``."""

    ORIGINAL = "original"
    STAGE = "stage"


@attrs.frozen(kw_only=True)
class QuantizeConfig:
    """Post-training quantization, tuned until the accuracy criterion holds.

    ``exclude`` holds regular expressions over operator scopes (full match), ``exclude_types`` operator types; ``calibration_samples``
    is how many samples of the calibration data are read; ``activation_threshold`` one of minmax, percentile, kl, mse; ``recipes`` are
    model-level options such as ``{"first_conv_or_matmul": False}``.
    """

    approach: Approach = attrs.field(default=Approach.STATIC, converter=Approach)
    accuracy_loss: float = attrs.field(default=0.01, converter=as_float, validator=number(minimum=0.0))
    loss_kind: LossKind = attrs.field(default=LossKind.RELATIVE, converter=LossKind)
    higher_is_better: bool = attrs.field(default=True, validator=flag)
    baseline: Baseline = attrs.field(default=Baseline.ORIGINAL, converter=Baseline)
    calibration_samples: int = attrs.field(default=100, validator=whole(minimum=1))
    activation_threshold: Named = attrs.field(default=Named("minmax"), converter=as_named)
    activation_scheme: Scheme = attrs.field(default=Scheme.ASYMMETRIC, converter=Scheme)
    exclude: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=patterns)
    exclude_types: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    recipes: FrozenMap[str, Any] = attrs.field(factory=FrozenMap, converter=freeze_map)
    target: Target | None = None
    tuning: TuningConfig = attrs.field(factory=TuningConfig)

    @property
    def criterion(self) -> AccuracyCriterion:
        """The accuracy criterion these fields spell."""
        return AccuracyCriterion(loss=self.accuracy_loss, kind=self.loss_kind, higher_is_better=self.higher_is_better)
