"""Number formats and how finely they are chosen: data types, schemes and granularities."""

from __future__ import annotations

import enum
from typing import Any

import attrs

from inc_config.fields import Choice, FieldError, flag, one_of, whole

INTEGER_BITS = (*range(2, 9), 16)
"""Widths of integer types."""


def _bits(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not int or value not in INTEGER_BITS:
        raise FieldError(f"{attribute.name} cannot be {value!r}.", field=attribute.name, fix="give a whole number from 2 to 8, or 16")


@attrs.frozen(order=True)
class IntegerType:
    """An integer storage type of 2 to 8 bits, or 16; ``[qmin, qmax]`` are its codes."""

    bits: int = attrs.field(validator=_bits)
    signed: bool = attrs.field(validator=flag)

    @property
    def qmin(self) -> int:
        """Smallest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def qmax(self) -> int:
        """Largest code."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.bits}"


class FloatType(enum.Enum):
    """A floating-point compute or storage type."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"

    def __str__(self) -> str:
        return self.value


DType = IntegerType | FloatType


class TableType(enum.Enum):
    """A storage type of 16 codes looked up in a table; weights only."""

    NF4 = "nf4"
    FP4 = "fp4"
    FP4_E2M1 = "fp4_e2m1"

    def __str__(self) -> str:
        return self.value


StorageType = IntegerType | FloatType | TableType

INT8 = IntegerType(8, signed=True)
UINT8 = IntegerType(8, signed=False)
INT16 = IntegerType(16, signed=True)
UINT16 = IntegerType(16, signed=False)
FP32, BF16, FP16 = FloatType.FP32, FloatType.BF16, FloatType.FP16

_BY_NAME: dict[str, DType] = {str(t): t for t in FloatType} | {
    str(t): t for t in (IntegerType(b, signed=s) for b in INTEGER_BITS for s in (True, False))
}


def parse_dtype(text: str) -> DType:
    """Read ``"int8"``, ``"uint4"``, ``"bf16"`` and the like.

    Raises:
        FieldError: no such type.
    """
    if text not in _BY_NAME:
        raise FieldError(f"{text!r} is not a data type.", fix=one_of(text, sorted(_BY_NAME)))
    return _BY_NAME[text]


def parse_storage(text: str | StorageType) -> StorageType:
    """Read what ``parse_dtype`` reads, and ``"nf4"``, ``"fp4"``, ``"fp4_e2m1"`` (a converter of items).

    Raises:
        FieldError: no such type.
    """
    if isinstance(text, IntegerType | FloatType | TableType):
        return text
    tables = {str(t): t for t in TableType}
    if text not in tables and text not in _BY_NAME:
        raise FieldError(f"{text!r} is not a data type.", fix=one_of(text, sorted([*_BY_NAME, *tables])))
    return tables[text] if text in tables else _BY_NAME[text]


class Scheme(Choice):
    """``ASYMMETRIC`` spends every code on the range; ``SYMMETRIC`` keeps real zero on the middle code."""

    SYMMETRIC = "symmetric"
    ASYMMETRIC = "asymmetric"


@attrs.frozen
class PerTensor:
    """One scale for the whole tensor: scale shape ``()``."""


@attrs.frozen
class PerChannel:
    """One scale per index of ``axis``: a weight ``(64, 3, 7, 7)`` with ``axis=0`` has scale shape ``(64,)``."""

    axis: int


@attrs.frozen
class PerGroup:
    """One scale per ``size`` consecutive elements along ``axis``.

    A weight ``(4096, 4096)`` with ``axis=1``, ``size=32`` has scale shape ``(4096, 128)``.
    """

    axis: int
    size: int = attrs.field(validator=whole(minimum=1))


Granularity = PerTensor | PerChannel | PerGroup


class GranularityKind(Choice):
    """How finely scales are chosen, whatever the axis."""

    PER_TENSOR = "per_tensor"
    PER_CHANNEL = "per_channel"
    PER_GROUP = "per_group"
