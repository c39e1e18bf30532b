"""One-threaded affine quantization of float32 to 8-bit storage."""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_config.dtypes import IntegerType
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled
from inc_adaptors.kernels.extent import around_axis

FloatLike = float | NDArray[np.float32]
IntLike = int | NDArray[np.int32]
Codes = NDArray[np.int8] | NDArray[np.uint8]


def quantize_affine(
    values: NDArray[np.float32],
    scale: FloatLike,
    zero_point: IntLike,
    dtype: IntegerType,
    *,
    axis: int | None = None,
    out: Codes | None = None,
) -> Codes:
    """Compute ``clip(round_half_even(values / scale) + zero_point, qmin, qmax)``.

    Args:
        values: float32 of any shape; copied first where it is not C-contiguous. NaN becomes ``qmin``.
        scale: one number, or shape (C,) with ``axis``.
        zero_point: like ``scale``.
        dtype: the codes; stored as int8 or uint8 also below 8 bits.
        axis: the axis of ``values`` that scale and zero point run along; None for one of each.
        out: C-contiguous int8 (signed) or uint8 array of the values' shape to write to.

    Source:
        ONNX operator QuantizeLinear.
    """
    values = np.ascontiguousarray(values, np.float32)
    result: Codes = np.empty(values.shape, np.int8 if dtype.signed else np.uint8) if out is None else out
    shape = (1, 1, values.size) if axis is None else around_axis(values.shape, axis)
    scales = np.broadcast_to(np.asarray(scale, np.float32).reshape(-1), (shape[1],))
    zeros = np.broadcast_to(np.asarray(zero_point, np.float32).reshape(-1), (shape[1],))
    _quantize(
        values.reshape(shape),
        np.ascontiguousarray(scales),
        np.ascontiguousarray(zeros),
        np.float32(dtype.qmin),
        np.float32(dtype.qmax),
        result.reshape(shape),
    )
    return result


def quantize_affine_numpy(
    values: NDArray[np.float32], scale: FloatLike, zero_point: IntLike, dtype: IntegerType, *, axis: int | None = None
) -> Codes:
    """Twin of ``quantize_affine``."""
    shape = (1, 1, values.size) if axis is None else around_axis(values.shape, axis)
    scales = np.asarray(scale, np.float32).reshape(-1, 1)
    zeros = np.asarray(zero_point, np.float32).reshape(-1, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        codes = np.rint(values.astype(np.float32).reshape(shape) / scales) + zeros
    codes = np.where(codes > dtype.qmin, codes, np.float32(dtype.qmin))
    codes = np.minimum(codes, np.float32(dtype.qmax))
    return codes.reshape(values.shape).astype(np.int8 if dtype.signed else np.uint8)


@compiled
def _quantize(values: Any, scales: Any, zeros: Any, qmin: Any, qmax: Any, out: Any) -> None:
    for outer in range(values.shape[0]):
        for channel in range(values.shape[1]):
            scale = scales[channel]
            zero = zeros[channel]
            source = values[outer, channel]
            target = out[outer, channel]
            for i in range(source.size):
                code = np.rint(source[i] / scale) + zero
                code = code if code > qmin else qmin
                code = code if code < qmax else qmax
                target[i] = np.int32(code)
