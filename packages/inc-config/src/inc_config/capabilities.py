"""What an adaptor can do with each operator of one model on one target, and why not more."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from inc_config.fields import FieldError, strings
from inc_config.frozen import FrozenMap
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan
from inc_config.target import Target


class ReasonCode(enum.Enum):
    """Why an operator stays in float (stable identifiers for reports and tests)."""

    UNSUPPORTED_OPERATOR = "unsupported_operator"
    NO_INTEGER_KERNEL = "no_integer_kernel"
    SLOWER_IN_INTEGER = "slower_in_integer"
    TOO_SMALL = "too_small"
    NOT_FUSED = "not_fused"
    NOT_EXECUTED = "not_executed"
    DYNAMIC_WEIGHT = "dynamic_weight"
    NON_FINITE = "non_finite"
    RANGE_GUARD = "range_guard"
    EXCLUDED_BY_USER = "excluded_by_user"
    EXCLUDED_BY_RECIPE = "excluded_by_recipe"
    FALLBACK = "fallback"
    IN_SUBGRAPH = "in_subgraph"
    UNKNOWN_DOMAIN = "unknown_domain"
    ALREADY_QUANTIZED = "already_quantized"
    NO_HALF_KERNEL = "no_half_kernel"
    SLOWER_IN_HALF = "slower_in_half"
    HALF_OVERFLOW = "half_overflow"


@attrs.frozen
class Reason:
    """A code and one sentence with the particulars."""

    code: ReasonCode = attrs.field(converter=ReasonCode)
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.code.value}: {self.detail}" if self.detail else self.code.value


def _options(value: Iterable[OpPlan]) -> tuple[OpPlan, ...]:
    return tuple(value)


def _ends_in_float(_: Any, attribute: attrs.Attribute[Any], value: tuple[OpPlan, ...]) -> None:
    if not value or value[-1] != FLOAT:
        raise FieldError(f"{attribute.name} must end with the float plan.", field=attribute.name, fix="append FLOAT")


@attrs.frozen(kw_only=True)
class OpCapability:
    """One operator's choices, best first.

    ``options`` never is empty and always ends with the float plan; ``reason`` says why there is no integer option (of an operator that was
    asked for 16 bits alone: why it has none of these).
    ``members`` are native names the operator stands for after fusion; ``weight_bytes`` is its fp32 size in bytes; ``work`` its
    multiply-adds per sample (0: unknown).
    """

    op: OpId
    options: tuple[OpPlan, ...] = attrs.field(default=(FLOAT,), converter=_options, validator=_ends_in_float)
    reason: Reason | None = None
    members: tuple[str, ...] = attrs.field(default=(), converter=strings)
    weight_bytes: int = 0
    work: int = 0

    @property
    def is_quantizable(self) -> bool:
        """Whether any option computes on integers."""
        return any(option.is_quantized for option in self.options)

    @property
    def is_lowerable(self) -> bool:
        """Whether any option is other than plain fp32: integers or 16 bits."""
        return any(option != FLOAT for option in self.options)

    def first(self, accept: Callable[[OpPlan], bool]) -> OpPlan:
        """The best option that ``accept`` takes, or the float plan."""
        return next((option for option in self.options if accept(option)), FLOAT)


def _capabilities(value: Iterable[OpCapability]) -> tuple[OpCapability, ...]:
    return tuple(value)


@attrs.frozen(kw_only=True)
class Capabilities:
    """Every operator of a model in execution order, for one target."""

    target: Target
    ops: tuple[OpCapability, ...] = attrs.field(default=(), converter=_capabilities)

    @property
    def quantizable(self) -> tuple[OpCapability, ...]:
        """Operators with at least one integer option."""
        return tuple(op for op in self.ops if op.is_quantizable)

    @property
    def lowerable(self) -> tuple[OpCapability, ...]:
        """Operators with at least one option that is not plain fp32."""
        return tuple(op for op in self.ops if op.is_lowerable)

    def plan(self, accept: Callable[[OpPlan], bool] = lambda _: True) -> QuantizationPlan:
        """The best accepted option of every operator (all operators appear in the plan)."""
        return QuantizationPlan(target=self.target, ops=FrozenMap({c.op: c.first(accept) for c in self.ops}))

    def restrict(self, *, exclude: tuple[str, ...] = (), exclude_types: tuple[str, ...] = ()) -> Capabilities:
        """Leave operators in float whose scope fully matches a regular expression in ``exclude`` or whose type is in ``exclude_types``."""
        patterns = [re.compile(pattern) for pattern in exclude]
        lowered = {t.lower() for t in exclude_types}

        def restricted(capability: OpCapability) -> OpCapability:
            if not capability.is_lowerable:
                return capability
            hit = next((p.pattern for p in patterns if p.fullmatch(capability.op.scope)), None)
            if hit is None and capability.op.type.lower() not in lowered:
                return capability
            detail = f"matches {hit!r}" if hit is not None else f"type {capability.op.type}"
            return attrs.evolve(capability, options=(FLOAT,), reason=Reason(ReasonCode.EXCLUDED_BY_USER, detail))

        return attrs.evolve(self, ops=tuple(restricted(c) for c in self.ops))
