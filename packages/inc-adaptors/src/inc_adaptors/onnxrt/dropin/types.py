"""onnxruntime's ``QuantType`` as this project's integer types, with the codes that its tool spreads a range over."""

from __future__ import annotations

from collections.abc import Mapping

from inc_config.dtypes import INT8, INT16, UINT8, UINT16, IntegerType
from inc_config.errors import PlanError
from onnxruntime.quantization import QuantType

INTEGERS: Mapping[QuantType, IntegerType] = {
    QuantType.QInt8: INT8,
    QuantType.QUInt8: UINT8,
    QuantType.QInt16: INT16,
    QuantType.QUInt16: UINT16,
    QuantType.QInt4: IntegerType(4, signed=True),
    QuantType.QUInt4: IntegerType(4, signed=False),
}

_SYMMETRIC_BITS = (8, 16)


def integer_type(value: object, where: str) -> IntegerType:
    """The type of a ``QuantType``.

    Raises:
        PlanError: float8, in which no processor computes, or no ``QuantType`` at all.
    """
    found = INTEGERS.get(value) if isinstance(value, QuantType) else None
    if found is None:
        reason = "onnxruntime has no arithmetic in float8" if value is QuantType.QFLOAT8E4M3FN else "it is no integer QuantType"
        names = ", ".join(str(name) for name in INTEGERS)
        shown = value if isinstance(value, QuantType) else f"{value!r:.80}"
        raise PlanError(f"{where}={shown} is not offered: {reason}.", where=where, fix=f"one of {names}, members of QuantType")
    return found


def code_range(dtype: IntegerType, *, symmetric: bool, reduced: bool) -> tuple[int, int]:
    """Smallest and largest code that a range is spread over.

    ``reduced`` takes one bit fewer; signed symmetric types leave out the lowest code, which has no counterpart.
    """
    if reduced:
        half = 1 << (dtype.bits - 2)
        if not dtype.signed:
            return 0, 2 * half - 1
        return -half, half if dtype.bits in _SYMMETRIC_BITS else half - 1
    if symmetric and dtype.signed and dtype.bits in _SYMMETRIC_BITS:
        return -dtype.qmax, dtype.qmax
    return dtype.qmin, dtype.qmax
