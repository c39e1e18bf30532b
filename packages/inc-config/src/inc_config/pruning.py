"""What a user can ask of pruning."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import attrs

from inc_config.fields import Choice, FieldError, as_float, number, patterns, strings, texts, whole
from inc_config.named import Named, as_named


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


@attrs.frozen
class BlockPattern:
    """Blocks of ``rows`` outputs by ``columns`` inputs over the weight seen as (out, kh*kw*in); 1x1 is unstructured."""

    rows: int = attrs.field(validator=whole(minimum=1))
    columns: int = attrs.field(validator=whole(minimum=1))

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"


@attrs.frozen
class NofMPattern:
    """``zeros`` of every ``group`` consecutive inputs are cut: 2:4 means sparsity 0.5."""

    zeros: int = attrs.field(validator=whole(minimum=1))
    group: int = attrs.field(validator=whole(minimum=2))

    def __attrs_post_init__(self) -> None:
        if self.zeros >= self.group:
            raise FieldError(f"Pattern {self} would cut whole groups.", fix="make the first number smaller than the second, such as 2:4")

    def __str__(self) -> str:
        return f"{self.zeros}:{self.group}"


Pattern = BlockPattern | NofMPattern

_BLOCK = re.compile(r"(\d{1,6})x(\d{1,6})")
_N_OF_M = re.compile(r"(\d{1,6}):(\d{1,6})")


def parse_pattern(value: str | Pattern) -> Pattern:
    """Read ``"unstructured"``, ``"4x1"`` or ``"2:4"`` (an attrs converter).

    Raises:
        FieldError: none of these.
    """
    if isinstance(value, BlockPattern | NofMPattern):
        return value
    if value == "unstructured":
        return BlockPattern(1, 1)
    text = value if isinstance(value, str) else ""
    if match := _BLOCK.fullmatch(text):
        return BlockPattern(int(match[1]), int(match[2]))
    if match := _N_OF_M.fullmatch(text):
        return NofMPattern(int(match[1]), int(match[2]))
    raise FieldError(f"{value!r} is not a pattern.", fix="use 'unstructured', blocks such as '4x1', or N:M such as '2:4'")


_fraction = number(minimum=0.0, below=1.0)


def _n_of_m_target(pattern: Pattern, sparsity: float, field: str) -> None:
    if isinstance(pattern, NofMPattern) and abs(sparsity - pattern.zeros / pattern.group) > 1e-9:
        reached = f"{pattern.zeros / pattern.group:g}"
        what = f"{field}: pattern {pattern} reaches sparsity {reached} and nothing else, not {sparsity:g}."
        raise FieldError(what, field=field, fix=f"set target_sparsity to {reached}, or take another pattern")


def _some(_: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        raise FieldError(f"{attribute.name} is empty.", field=attribute.name, fix="name the layers, such as 'encoder\\..*'")


def _overrides(value: Iterable[PruneOverride]) -> tuple[PruneOverride, ...]:
    return tuple(value)


@attrs.frozen(kw_only=True)
class PruneOverride:
    """Other settings for the weights whose names fully match one of ``include``; None inherits."""

    include: tuple[str, ...] = attrs.field(converter=strings, validator=[_some, patterns])
    target_sparsity: float | None = attrs.field(default=None, validator=attrs.validators.optional(_fraction))
    pattern: Pattern | None = attrs.field(default=None, converter=attrs.converters.optional(parse_pattern))


@attrs.frozen(kw_only=True)
class PruneConfig:
    """Prune weights while training until ``target_sparsity`` (fraction of zeros over prunable weights) is reached.

    ``include`` and ``exclude`` are regular expressions over layer names (full match; no ``include`` means all), ``layer_types`` restricts
    to layer types such as ``"Conv"`` or ``"Linear"`` (prefix match). Steps are optimizer steps; ``end_step`` None means three quarters of
    the training. Criteria are found by name: magnitude, snip_momentum.
    """

    target_sparsity: float = attrs.field(default=0.5, converter=as_float, validator=_fraction)
    pattern: Pattern = attrs.field(default=BlockPattern(1, 1), converter=parse_pattern)
    criterion: Named = attrs.field(default=Named("magnitude"), converter=as_named)
    scope: Scope = attrs.field(default=Scope.GLOBAL, converter=Scope)
    schedule: ScheduleKind = attrs.field(default=ScheduleKind.CUBIC, converter=ScheduleKind)
    start_step: int = attrs.field(default=0, validator=whole(minimum=0))
    end_step: int | None = attrs.field(default=None, validator=attrs.validators.optional(whole(minimum=0)))
    frequency: int = attrs.field(default=1, validator=whole(minimum=1))
    include: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=patterns)
    exclude: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=patterns)
    layer_types: tuple[str, ...] = attrs.field(default=("Conv", "Linear"), converter=strings, validator=texts)
    min_sparsity_per_op: float = attrs.field(default=0.0, converter=as_float, validator=_fraction)
    max_sparsity_per_op: float = attrs.field(default=0.98, converter=as_float, validator=_fraction)
    reduction: Reduction = attrs.field(default=Reduction.MEAN, converter=Reduction)
    overrides: tuple[PruneOverride, ...] = attrs.field(default=(), converter=_overrides)

    def __attrs_post_init__(self) -> None:
        if self.end_step is not None and self.end_step < self.start_step:
            raise FieldError(f"end_step {self.end_step} is before start_step {self.start_step}.", field="end_step", fix="swap them")
        if self.min_sparsity_per_op > self.max_sparsity_per_op:
            what = f"min_sparsity_per_op {self.min_sparsity_per_op:g} is above max_sparsity_per_op {self.max_sparsity_per_op:g}."
            raise FieldError(what, field="min_sparsity_per_op", fix="swap them")
        _n_of_m_target(self.pattern, self.target_sparsity, "target_sparsity")
        for index, override in enumerate(self.overrides):
            sparsity = self.target_sparsity if override.target_sparsity is None else override.target_sparsity
            _n_of_m_target(override.pattern or self.pattern, sparsity, f"overrides[{index}]")
