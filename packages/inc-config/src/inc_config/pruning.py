"""What a user can ask of pruning."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from inc_config.fields import Choice, FieldError, as_float, flag, number, optional, patterns, some, strings, texts, whole
from inc_config.named import Named, as_named
from inc_config.patterns import BlockPattern, NofMPattern, Pattern, parse_pattern
from inc_config.training import TrainingConfig

__all__ = [
    "BlockPattern", "EpochWindow", "NofMPattern", "Pattern", "PruneConfig", "PruneOverride", "Reduction", "Regularization", "Regularizer",
    "ScheduleKind", "Scope", "parse_pattern",
]  # fmt: skip


class ScheduleKind(Choice):
    """How sparsity grows from 0 to the target between ``start_step`` and ``end_step``."""

    ONE_SHOT = "one-shot"
    LINEAR = "linear"
    CUBIC = "cubic"
    COSINE = "cosine"
    EXPONENTIAL = "exponential"


class Scope(Choice):
    """Whether blocks compete over the whole model (``GLOBAL``) or within each weight (``LOCAL``)."""

    GLOBAL = "global"
    LOCAL = "local"


class Reduction(Choice):
    """How a block's element scores become one score."""

    MEAN = "mean"
    SUM = "sum"
    MAX = "max"


_fraction = number(minimum=0.0, below=1.0)


def _n_of_m_target(pattern: Pattern, sparsity: float, field: str) -> None:
    if isinstance(pattern, NofMPattern) and abs(sparsity - pattern.zeros / pattern.group) > 1e-9:
        reached = f"{pattern.zeros / pattern.group:g}"
        what = f"{field}: pattern {pattern} reaches sparsity {reached} and nothing else, not {sparsity:g}."
        raise FieldError(what, field=field, fix=f"set target_sparsity to {reached}, or take another pattern")


_some = some("name the layers, such as 'encoder\\..*'")


def _overrides(value: Iterable[PruneOverride]) -> tuple[PruneOverride, ...]:
    overrides = tuple(value)
    wrong = next((item for item in overrides if not isinstance(item, PruneOverride)), None)
    if wrong is not None:
        fix = 'give PruneOverride(include="layer4.*", target_sparsity=0.9)'
        raise FieldError(f"overrides cannot hold {wrong!r:.100}.", field="overrides", fix=fix)
    return overrides


class Regularization(Choice):
    """What is added to the training so that blocks become small: ``GROUP_LASSO`` pulls each block towards 0."""

    GROUP_LASSO = "group_lasso"


@attrs.frozen(kw_only=True)
class Regularizer:
    """A regularization and its strength."""

    kind: Regularization = attrs.field(default=Regularization.GROUP_LASSO, converter=Regularization)
    coefficient: float = attrs.field(default=0.0, converter=as_float, validator=number(minimum=0.0))


@attrs.frozen(kw_only=True)
class EpochWindow:
    """When masks are recomputed, in epochs counted from 0: at the first step of ``start``, ``start + frequency``, ... up to ``end``."""

    start: int = attrs.field(default=0, validator=whole(minimum=0))
    end: int = attrs.field(validator=whole(minimum=0))
    frequency: int = attrs.field(default=1, validator=whole(minimum=1))

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise FieldError(f"end {self.end} is before start {self.start}.", field="end", fix="swap them")


_maybe_step = optional(whole(minimum=0))


@attrs.frozen(kw_only=True)
class PruneOverride:
    """Other settings for the weights whose names fully match one of ``include`` and none of ``exclude``; None inherits."""

    include: tuple[str, ...] = attrs.field(converter=strings, validator=[_some, patterns])
    exclude: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=patterns)
    target_sparsity: float | None = attrs.field(default=None, converter=attrs.converters.optional(as_float), validator=optional(_fraction))
    pattern: Pattern | None = attrs.field(default=None, converter=attrs.converters.optional(parse_pattern))
    initial_sparsity: float | None = attrs.field(default=None, converter=attrs.converters.optional(as_float), validator=optional(_fraction))
    criterion: Named | None = attrs.field(default=None, converter=attrs.converters.optional(as_named))
    scope: Scope | None = attrs.field(default=None, converter=attrs.converters.optional(Scope))
    schedule: ScheduleKind | None = attrs.field(default=None, converter=attrs.converters.optional(ScheduleKind))
    start_step: int | None = attrs.field(default=None, validator=_maybe_step)
    end_step: int | None = attrs.field(default=None, validator=_maybe_step)
    frequency: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    epochs: EpochWindow | None = None
    layer_types: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    min_sparsity_per_op: float | None = attrs.field(
        default=None, converter=attrs.converters.optional(as_float), validator=optional(_fraction)
    )
    max_sparsity_per_op: float | None = attrs.field(
        default=None, converter=attrs.converters.optional(as_float), validator=optional(_fraction)
    )
    reduction: Reduction | None = attrs.field(default=None, converter=attrs.converters.optional(Reduction))
    regularizer: Regularizer | None = None


@attrs.frozen(kw_only=True)
class PruneConfig:
    """Prune weights while training until ``target_sparsity`` (fraction of zeros over prunable weights) is reached.

    ``include`` and ``exclude`` are regular expressions over layer names (full match; no ``include`` means all), ``layer_types`` restricts
    to layer types such as ``"Conv"`` or ``"Linear"`` (prefix match). Steps are optimizer steps; ``end_step`` None means three quarters of
    the training; ``epochs`` says start, end and frequency in epochs instead. Criteria are found by name: magnitude, snip_momentum, ...
    ``progressive`` cuts the elements of new masks little by little; ``keep_zeros`` counts zeros that the model already has;
    ``low_memory`` keeps scores of one layer at a time. ``training`` is this step's own; None takes the pipeline's.
    """

    target_sparsity: float = attrs.field(default=0.5, converter=as_float, validator=_fraction)
    pattern: Pattern = attrs.field(default=BlockPattern(1, 1), converter=parse_pattern)
    criterion: Named = attrs.field(default=Named("magnitude"), converter=as_named)
    scope: Scope = attrs.field(default=Scope.GLOBAL, converter=Scope)
    schedule: ScheduleKind = attrs.field(default=ScheduleKind.CUBIC, converter=ScheduleKind)
    initial_sparsity: float = attrs.field(default=0.0, converter=as_float, validator=_fraction)
    start_step: int = attrs.field(default=0, validator=whole(minimum=0))
    end_step: int | None = attrs.field(default=None, validator=_maybe_step)
    frequency: int = attrs.field(default=1, validator=whole(minimum=1))
    epochs: EpochWindow | None = None
    include: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=patterns)
    exclude: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=patterns)
    layer_types: tuple[str, ...] = attrs.field(default=("Conv", "Linear"), converter=strings, validator=texts)
    min_sparsity_per_op: float = attrs.field(default=0.0, converter=as_float, validator=_fraction)
    max_sparsity_per_op: float = attrs.field(default=0.98, converter=as_float, validator=_fraction)
    reduction: Reduction = attrs.field(default=Reduction.MEAN, converter=Reduction)
    regularizer: Regularizer | None = None
    progressive: bool = attrs.field(default=False, validator=flag)
    keep_zeros: bool = attrs.field(default=False, validator=flag)
    low_memory: bool = attrs.field(default=False, validator=flag)
    overrides: tuple[PruneOverride, ...] = attrs.field(default=(), converter=_overrides)
    training: TrainingConfig | None = None

    def __attrs_post_init__(self) -> None:
        if self.end_step is not None and self.end_step < self.start_step:
            raise FieldError(f"end_step {self.end_step} is before start_step {self.start_step}.", field="end_step", fix="swap them")
        if self.epochs is not None and (self.start_step, self.end_step, self.frequency) != (0, None, 1):
            raise FieldError("epochs and steps both say when to prune.", field="epochs", fix="leave out start_step, end_step and frequency")
        if self.initial_sparsity > self.target_sparsity:
            what = f"initial_sparsity {self.initial_sparsity:g} is above target_sparsity {self.target_sparsity:g}."
            raise FieldError(what, field="initial_sparsity", fix="swap them")
        if self.min_sparsity_per_op > self.max_sparsity_per_op:
            what = f"min_sparsity_per_op {self.min_sparsity_per_op:g} is above max_sparsity_per_op {self.max_sparsity_per_op:g}."
            raise FieldError(what, field="min_sparsity_per_op", fix="swap them")
        _n_of_m_target(self.pattern, self.target_sparsity, "target_sparsity")
        for index, override in enumerate(self.overrides):
            sparsity = self.target_sparsity if override.target_sparsity is None else override.target_sparsity
            _n_of_m_target(override.pattern or self.pattern, sparsity, f"overrides[{index}]")
