"""How a model is trained, as far as names can say it."""

from __future__ import annotations

import attrs

from inc_config.data import LoaderConfig, as_names
from inc_config.fields import FieldError, optional, whole
from inc_config.named import Named, as_named

LOSSES = ("cross_entropy", "nll", "mse", "l1", "smooth_l1", "bce_with_logits")
"""Losses that an adaptor with the role ``NamesTraining`` knows."""
OPTIMIZERS = ("sgd", "adam", "adamw")
"""Optimizers that an adaptor with the role ``NamesTraining`` knows."""


@attrs.frozen(kw_only=True)
class TrainingConfig:
    """Data, loss, optimizer and length of a training.

    ``loss`` (cross_entropy, mse, ...), ``optimizer`` (sgd, adam, adamw) and ``scheduler`` are found by name in the model's framework.
    ``data`` None: given at run time. ``epochs`` or ``steps`` says how long (neither: one epoch); ``steps_per_epoch`` cuts every epoch.
    ``device`` None leaves the model where it is; ``postprocess`` are transforms of outputs and labels before the loss.
    """

    data: LoaderConfig | None = None
    loss: Named = attrs.field(default=Named("cross_entropy"), converter=as_named)
    optimizer: Named = attrs.field(default=Named("sgd", {"learning_rate": 0.001}), converter=as_named)
    scheduler: Named | None = attrs.field(default=None, converter=attrs.converters.optional(as_named))
    epochs: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    steps: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    steps_per_epoch: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    device: str | None = None
    seed: int = attrs.field(default=0, validator=whole(minimum=0))
    postprocess: tuple[Named, ...] = attrs.field(default=(), converter=as_names)

    def __attrs_post_init__(self) -> None:
        if self.epochs is not None and self.steps is not None:
            raise FieldError("epochs and steps both say how long the training is.", field="steps", fix="keep one of them")
