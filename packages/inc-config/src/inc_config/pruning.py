"""What a user can ask of pruning."""

from __future__ import annotations

import enum
import re
from typing import Any

import attrs

from inc_config.named import Named, as_named
from inc_config.quantization import strings, valid_patterns


class ScheduleKind(enum.Enum):
    """How sparsity grows from 0 to the target between ``start_step`` and ``end_step``."""

    ONE_SHOT = "one-shot"
    LINEAR = "linear"
    CUBIC = "cubic"
    COSINE = "cosine"
    EXPONENTIAL = "exponential"


class Scope(enum.Enum):
    """Whether blocks compete over the whole model (``GLOBAL``) or within each weight (``LOCAL``)."""

    GLOBAL = "global"
    LOCAL = "local"


class Reduction(enum.Enum):
    """How a block's element scores become one score."""

    MEAN = "mean"
    SUM = "sum"
    MAX = "max"


@attrs.frozen
class BlockPattern:
    """Blocks of ``rows`` outputs by ``columns`` inputs over the weight seen as (out, kh*kw*in); 1x1 is unstructured."""

    rows: int = attrs.field(validator=attrs.validators.ge(1))
    columns: int = attrs.field(validator=attrs.validators.ge(1))

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"


@attrs.frozen
class NofMPattern:
    """``zeros`` of every ``group`` consecutive inputs are cut: 2:4 means sparsity 0.5."""

    zeros: int = attrs.field(validator=attrs.validators.ge(1))
    group: int = attrs.field(validator=attrs.validators.ge(2))

    def __attrs_post_init__(self) -> None:
        if self.zeros >= self.group:
            raise ValueError(f"pattern {self}: the first number must be smaller than the second")

    def __str__(self) -> str:
        return f"{self.zeros}:{self.group}"


Pattern = BlockPattern | NofMPattern

_BLOCK = re.compile(r"(\d+)x(\d+)")
_N_OF_M = re.compile(r"(\d+):(\d+)")


def parse_pattern(value: str | Pattern) -> Pattern:
    """Read ``"unstructured"``, ``"4x1"`` or ``"2:4"`` (an attrs converter).

    Raises:
        ValueError: none of these.
    """
    if isinstance(value, BlockPattern | NofMPattern):
        return value
    if value == "unstructured":
        return BlockPattern(1, 1)
    if match := _BLOCK.fullmatch(value):
        return BlockPattern(int(match[1]), int(match[2]))
    if match := _N_OF_M.fullmatch(value):
        return NofMPattern(int(match[1]), int(match[2]))
    raise ValueError(f"{value!r} is not a pattern: use 'unstructured', blocks such as '4x1', or N:M such as '2:4'")


def _fraction(_: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{attribute.name} must be in [0, 1), got {value}")


def _n_of_m_target(pattern: Pattern, sparsity: float, where: str) -> None:
    if isinstance(pattern, NofMPattern) and abs(sparsity - pattern.zeros / pattern.group) > 1e-9:
        raise ValueError(
            f"{where}: pattern {pattern} reaches sparsity {pattern.zeros / pattern.group:g} and nothing else, not {sparsity:g}"
        )


_optional_fraction = attrs.validators.optional(_fraction)
_optional_pattern = attrs.converters.optional(parse_pattern)


@attrs.frozen(kw_only=True)
class PruneOverride:
    """Other settings for the weights whose names fully match one of ``include``; None inherits."""

    include: tuple[str, ...] = attrs.field(converter=strings, validator=[attrs.validators.min_len(1), valid_patterns])
    target_sparsity: float | None = attrs.field(default=None, validator=_optional_fraction)
    pattern: Pattern | None = attrs.field(default=None, converter=_optional_pattern)


@attrs.frozen(kw_only=True)
class PruneConfig:
    """Prune weights while training until ``target_sparsity`` (fraction of zeros over prunable weights) is reached.

    ``include`` and ``exclude`` are regular expressions over layer names (full match; no ``include`` means all), ``layer_types`` restricts to
    layer types such as ``"Conv"`` or ``"Linear"`` (prefix match). Steps are optimizer steps; ``end_step`` None means three quarters of the training.
    ``decay`` is the momentum of accumulated scores. Criteria are found by name: magnitude, snip_momentum.
    """

    target_sparsity: float = attrs.field(default=0.5, converter=float, validator=_fraction)
    pattern: Pattern = attrs.field(default=BlockPattern(1, 1), converter=parse_pattern)
    criterion: Named = attrs.field(default=Named("magnitude"), converter=as_named)
    scope: Scope = attrs.field(default=Scope.GLOBAL, converter=Scope)
    schedule: ScheduleKind = attrs.field(default=ScheduleKind.CUBIC, converter=ScheduleKind)
    start_step: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    end_step: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(0)))
    frequency: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    include: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=valid_patterns)
    exclude: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=valid_patterns)
    layer_types: tuple[str, ...] = attrs.field(default=("Conv", "Linear"), converter=strings)
    min_sparsity_per_op: float = attrs.field(default=0.0, converter=float, validator=_fraction)
    max_sparsity_per_op: float = attrs.field(default=0.98, converter=float, validator=_fraction)
    reduction: Reduction = attrs.field(default=Reduction.MEAN, converter=Reduction)
    overrides: tuple[PruneOverride, ...] = attrs.field(default=(), converter=tuple)

    def __attrs_post_init__(self) -> None:
        if self.end_step is not None and self.end_step < self.start_step:
            raise ValueError(f"end_step {self.end_step} is before start_step {self.start_step}")
        if self.min_sparsity_per_op > self.max_sparsity_per_op:
            raise ValueError(f"min_sparsity_per_op {self.min_sparsity_per_op} is above max_sparsity_per_op {self.max_sparsity_per_op}")
        _n_of_m_target(self.pattern, self.target_sparsity, "target_sparsity")
        for index, override in enumerate(self.overrides):
            sparsity = self.target_sparsity if override.target_sparsity is None else override.target_sparsity
            _n_of_m_target(override.pattern or self.pattern, sparsity, f"overrides[{index}]")
