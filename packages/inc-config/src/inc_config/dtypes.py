"""Number formats and how finely they are chosen: data types, schemes and granularities."""

from __future__ import annotations

import enum

import attrs


@attrs.frozen(order=True)
class IntegerType:
    """An integer storage type of 2 to 8 bits; ``[qmin, qmax]`` are its codes."""

    bits: int = attrs.field(validator=[attrs.validators.ge(2), attrs.validators.le(8)])
    signed: bool

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

INT8 = IntegerType(8, signed=True)
UINT8 = IntegerType(8, signed=False)
FP32, BF16, FP16 = FloatType.FP32, FloatType.BF16, FloatType.FP16

_BY_NAME: dict[str, DType] = {str(t): t for t in FloatType} | {
    str(t): t for t in (IntegerType(b, signed=s) for b in range(2, 9) for s in (True, False))
}


def parse_dtype(text: str) -> DType:
    """Read ``"int8"``, ``"uint4"``, ``"bf16"`` and the like.

    Raises:
        ValueError: no such type.
    """
    if text not in _BY_NAME:
        raise ValueError(f"{text!r} is not a data type: use one of {', '.join(sorted(_BY_NAME))}")
    return _BY_NAME[text]


class Scheme(enum.Enum):
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
    """One scale per ``size`` consecutive elements along ``axis``: ``(4096, 4096)``, ``axis=1``, ``size=32`` has scale shape ``(4096, 128)``."""

    axis: int
    size: int = attrs.field(validator=attrs.validators.ge(1))


Granularity = PerTensor | PerChannel | PerGroup
