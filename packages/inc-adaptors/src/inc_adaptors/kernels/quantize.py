"""One-threaded affine quantization of float32 to storage of 8 or 16 bits."""

from __future__ import annotations

from typing import cast

import numpy as np
from inc_config.dtypes import IntegerType
from numpy.typing import DTypeLike, NDArray

from inc_adaptors.kernels.compiled import compiled
from inc_adaptors.kernels.extent import around_axis

FloatLike = float | NDArray[np.float32]
IntLike = int | NDArray[np.int32]
Codes = NDArray[np.int8] | NDArray[np.uint8] | NDArray[np.int16] | NDArray[np.uint16]

_BYTE = 8


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
        dtype: the codes; stored as int8 or uint8 also below 8 bits, as int16 or uint16 above.
        axis: the axis of ``values`` that scale and zero point run along; None for one of each.
        out: C-contiguous array of the storage type of the values' shape to write to.

    Raises:
        ValueError: ``out`` is none such.

    Source:
        ONNX operator QuantizeLinear.
    """
    values = np.ascontiguousarray(values, np.float32)
    if out is None:
        out = cast("Codes", np.empty(values.shape, _storage(dtype)))
    elif out.dtype != _storage(dtype) or out.shape != values.shape or not out.flags.c_contiguous:
        raise ValueError(
            f"out: need a contiguous {np.dtype(_storage(dtype))} array of shape {values.shape}, got {out.dtype} of shape {out.shape}"
        )
    shape = (1, 1, values.size) if axis is None else around_axis(values.shape, axis)
    affine = np.empty((2, shape[1]), np.float32)
    affine[0], affine[1] = scale, zero_point
    _quantize(values.reshape(shape), affine, np.float32(dtype.qmin), np.float32(dtype.qmax), out.reshape(shape))
    return out


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
    return cast("Codes", codes.reshape(values.shape).astype(_storage(dtype)))


def _storage(dtype: IntegerType) -> DTypeLike:
    if dtype.bits > _BYTE:
        return np.int16 if dtype.signed else np.uint16
    return np.int8 if dtype.signed else np.uint8


@compiled
def _quantize(values: NDArray[np.float32], affine: NDArray[np.float32], qmin: np.float32, qmax: np.float32, out: Codes) -> None:
    """Over values and codes of shape (outer, C, inner) with ``affine`` (2, C): scales, zero points."""
    for outer in range(values.shape[0]):
        for channel in range(values.shape[1]):
            scale = affine[0, channel]
            zero = affine[1, channel]
            source = values[outer, channel]
            target = out[outer, channel]
            for i in range(source.size):
                code = np.rint(source[i] / scale) + zero
                code = code if code > qmin else qmin
                code = code if code < qmax else qmax
                target[i] = np.int32(code)
