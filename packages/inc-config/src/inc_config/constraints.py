"""What operators may do, by name, by regular expression and by type."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from inc_config.dtypes import GranularityKind, Scheme, StorageType, parse_storage
from inc_config.fields import Choice, FieldError, each, patterns, strings, texts, whole, wholes


def _types(value: str | StorageType | Iterable[str | StorageType]) -> tuple[StorageType, ...]:
    return (parse_storage(value),) if isinstance(value, str | StorageType) else tuple(parse_storage(item) for item in value)


def _schemes(value: str | Scheme | Iterable[str | Scheme]) -> tuple[Scheme, ...]:
    return (Scheme(value),) if isinstance(value, str | Scheme) else tuple(Scheme(item) for item in value)


def _granularities(value: str | GranularityKind | Iterable[str | GranularityKind]) -> tuple[GranularityKind, ...]:
    return (GranularityKind(value),) if isinstance(value, str | GranularityKind) else tuple(GranularityKind(item) for item in value)


class Unfit(Choice):
    """What becomes of an operator none of whose options fits: it stays in ``FLOAT``, or the constraint does not count (``IGNORE``)."""

    FLOAT = "float"
    IGNORE = "ignore"


@attrs.frozen(kw_only=True)
class TensorConstraint:
    """What one kind of tensor may be; an empty field allows everything.

    ``algorithms`` of activations are ways to find a threshold (minmax, kl, percentile, mse), of weights ways to round (minmax, rtn, gptq,
    awq, ...). ``dtypes`` without any integer keep the operator in float.
    """

    dtypes: tuple[StorageType, ...] = attrs.field(default=(), converter=_types)
    schemes: tuple[Scheme, ...] = attrs.field(default=(), converter=_schemes)
    granularities: tuple[GranularityKind, ...] = attrs.field(default=(), converter=_granularities)
    algorithms: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    group_sizes: tuple[int, ...] = attrs.field(default=(), converter=wholes, validator=each(whole(minimum=1)))


@attrs.frozen(kw_only=True)
class OpConstraint:
    """Limits for the operators that are named, match a pattern (a regular expression, full match) and have one of the types.

    ``names`` and ``patterns`` together select by scope, ``types`` among these; without any of them all operators are meant. Several
    constraints narrow one another in the order they stand in.
    """

    names: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    patterns: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=patterns)
    types: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    activation: TensorConstraint = attrs.field(factory=TensorConstraint)
    weight: TensorConstraint = attrs.field(factory=TensorConstraint)
    unfit: Unfit = attrs.field(default=Unfit.FLOAT, converter=Unfit)

    def __attrs_post_init__(self) -> None:
        if self.activation == self.weight == TensorConstraint():
            raise FieldError("The constraint allows everything.", fix="give activation or weight, such as {dtypes: [fp32]}")
