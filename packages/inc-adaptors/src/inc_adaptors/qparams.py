"""Scale and zero point: how real numbers map to integer codes.

``code = round_half_even(x / scale) + zero_point``, clipped to ``[qmin, qmax]``; ``x = (code - zero_point) * scale``.
"""

from __future__ import annotations

from typing import Any, cast

import attrs
import numpy as np
from inc_config.dtypes import Granularity, IntegerType, PerChannel, PerGroup, PerTensor, Scheme
from inc_config.errors import CalibrationError, PlanError
from inc_config.plan import TensorPlan
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import for_size
from inc_adaptors.kernels.quantize import Codes, quantize_affine, quantize_affine_numpy
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.protocol import Statistic
from inc_adaptors.thresholds import find_range

FloatArray = NDArray[np.float32]

PER_TENSOR = PerTensor()

SMALLEST_SCALE = float(np.finfo(np.float32).tiny)
"""2^-126: the smallest float32 that every processor multiplies and inverts without flushing to zero."""

_BIAS_LIMIT = 1.5 * 2.0**30
"""Three quarters of int32: the operator's products are added to the bias in the same 32 bits, 16,000 of them at their largest."""


def _float32(value: Any) -> FloatArray:
    return np.asarray(value, np.float32)


def _int32(value: Any) -> NDArray[np.int32]:
    return np.asarray(value, np.int32)


@attrs.frozen(kw_only=True, eq=False)
class QParams:
    """``scale`` (float32, > 0) and ``zero_point`` (int32) of one shape: () per tensor, (C,) per channel; ``weight_qparams`` for groups."""

    scale: FloatArray = attrs.field(converter=_float32)
    zero_point: NDArray[np.int32] = attrs.field(converter=_int32)

    def __attrs_post_init__(self) -> None:
        usable = np.isfinite(self.scale) & (self.scale > 0.0)
        if not usable.all() or self.scale.shape != self.zero_point.shape:
            raise CalibrationError(
                f"A scale must be finite and positive and shaped like its zero point, got {self.scale} with {self.zero_point}.",
                where="QParams",
                fix="derive them with affine_qparams",
            )


def affine_qparams(
    minimum: FloatArray,
    maximum: FloatArray,
    *,
    dtype: IntegerType,
    scheme: Scheme,
    where: str = "",
    scale_floor: float | NDArray[Any] = 0.0,
) -> QParams:
    """Choose the affine map for an observed range.

    The range is widened to contain 0.0 first, so that zero padding, ReLU outputs and
    pruned weights survive quantization exactly. An all-zero range gets the scale 1.0.

    Args:
        minimum: smallest observed value, shape ``(C,)`` per channel or ``()`` per tensor.
        maximum: largest observed value, same shape as ``minimum``.
        dtype: storage type, which fixes ``[qmin, qmax]``.
        scheme: ``ASYMMETRIC`` spends every code on the range; ``SYMMETRIC`` keeps real zero on the middle code.
        where: name of the tensor, used in error messages only.
        scale_floor: smallest scale allowed, broadcast against ``minimum``.

    Returns:
        ``scale`` (float32, > 0, its inverse finite) and ``zero_point`` (int32, in ``[qmin, qmax]``), shaped like ``minimum``.

    Raises:
        CalibrationError: a bound is NaN or infinite, or ``minimum > maximum``.

    Source:
        Jacob et al., CVPR 2018, arXiv:1712.05877, eq. 1 and section 3.
    """
    low, high = np.asarray(minimum, np.float64), np.asarray(maximum, np.float64)
    _check_range(low, high, where)
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    middle = (dtype.qmin + dtype.qmax + 1) // 2
    exact = np.maximum(-low, high) / (dtype.qmax - middle) if scheme is Scheme.SYMMETRIC else (high - low) / (dtype.qmax - dtype.qmin)
    exact = np.where(exact == 0.0, 1.0, exact)
    scale = np.maximum(np.maximum(exact, scale_floor), SMALLEST_SCALE).astype(np.float32)
    if scheme is Scheme.SYMMETRIC:
        zero_point = np.full(scale.shape, middle, np.int32)
    else:
        zero_point = np.clip(np.rint(dtype.qmin - low / scale.astype(np.float64)), dtype.qmin, dtype.qmax).astype(np.int32)
    return QParams(scale=scale, zero_point=zero_point)


def activation_qparams(plan: TensorPlan, statistic: Statistic, where: str = "") -> QParams:
    """Map for an activation, from what was gathered for it.

    Raises:
        CalibrationError: the statistic saw nothing, or cannot give what the plan asks.
        PlanError: unknown threshold method.
    """
    minimum, maximum = find_range(statistic, plan.threshold, plan.dtype, plan.scheme, where=where)
    per_channel = isinstance(plan.granularity, PerChannel)
    if per_channel != (minimum.ndim == 1) or isinstance(plan.granularity, PerGroup):
        raise CalibrationError(
            f"The plan says {plan.granularity}, but a {type(statistic).__name__} was gathered.",
            where=where or "activation_qparams",
            fix="gather the statistic that spec_for(plan) names",
        )
    return affine_qparams(minimum, maximum, dtype=plan.dtype, scheme=plan.scheme, where=where)


def weight_qparams(
    weight: FloatArray, plan: TensorPlan, *, bias: FloatArray | None = None, input_scale: float | FloatArray | None = None, where: str = ""
) -> QParams:
    """Map for a weight, such that its operator's bias fits int32.

    With ``bias`` and ``input_scale`` the scale is floored so that ``|bias / (input_scale * scale)|`` leaves a quarter of int32 to
    the products that are added to it: a channel that pruning left nearly dead has a tiny scale and a bias of ordinary size. The codes of
    such a channel are fewer; its contribution was next to nothing.

    Args:
        weight: float32 of any shape.
        plan: type, scheme, granularity and threshold method: minmax, percentile or mse.
        bias: shape (C,), one per channel of the granularity's axis (any length per tensor).
        input_scale: scale of the operator's other operand, one number.
        where: name of the weight, used in error messages only.

    Returns:
        Scale and zero point: shape () per tensor, (C,) per channel; per group the weight's shape, ``n`` along ``axis`` replaced by
        ``ceil(n / size)``.

    Raises:
        CalibrationError: the weight is not finite, or no finite scale keeps the bias within int32.
        PlanError: threshold method kl, which compares distributions that the few values of a weight's channel do not make.
    """
    if plan.threshold.name in ("kl", "entropy"):
        raise PlanError("Weights have no KL threshold.", where=where or "threshold of a weight's plan", fix="use minmax, percentile or mse")
    rows, shape = _rows(np.asarray(weight, np.float32), plan.granularity, where)
    if not np.isfinite(rows).all():
        raise CalibrationError(
            "The weight holds NaN or infinity.", where=where or "weight", fix="repair the weight, or leave its operator in float"
        )
    minimum, maximum = _row_ranges(rows, plan, where)
    floor = _bias_floor(bias, input_scale, plan.granularity, shape, where)
    return affine_qparams(
        minimum.reshape(shape), maximum.reshape(shape), dtype=plan.dtype, scheme=plan.scheme, where=where, scale_floor=floor
    )


def quantize(values: FloatArray, qparams: QParams, dtype: IntegerType, granularity: Granularity = PER_TENSOR) -> Codes:
    """Codes of ``values``, stored as int8 or uint8 (int16 or uint16 for 16 bits) in the same shape."""
    if isinstance(granularity, PerGroup):
        scale, zero_point = _expanded(qparams, values.shape, granularity)
        codes = np.clip(np.rint(values / scale) + zero_point, dtype.qmin, dtype.qmax)
        return cast("Codes", codes.astype(np.int8 if dtype.signed else np.uint8))
    axis = granularity.axis if isinstance(granularity, PerChannel) else None
    codes_of = for_size(values.size, quantize_affine, quantize_affine_numpy)
    return codes_of(values, qparams.scale, qparams.zero_point, dtype, axis=axis)


def dequantize(codes: Codes, qparams: QParams, granularity: Granularity = PER_TENSOR) -> FloatArray:
    """Real numbers that ``codes`` stand for, float32 in the same shape."""
    scale, zero_point = _expanded(qparams, codes.shape, granularity)
    return ((codes.astype(np.int32) - zero_point) * scale).astype(np.float32)


def _check_range(low: NDArray[np.float64], high: NDArray[np.float64], where: str) -> None:
    wrong = ~(np.isfinite(low) & np.isfinite(high) & (low <= high)) if low.shape == high.shape else np.array(True)
    if wrong.any():
        raise CalibrationError(
            f"No range: minimum {low[wrong] if low.ndim else low}, maximum {high[wrong] if high.ndim else high}.",
            where=where or "affine_qparams",
            fix="give finite bounds of one shape, minimum <= maximum; leave an operator with non-finite values in float",
        )


def _rows(weight: FloatArray, granularity: Granularity, where: str) -> tuple[FloatArray, tuple[int, ...]]:
    """The weight as one row per scale, a short last group filled up with its zeros, and the scales' shape."""
    if isinstance(granularity, PerTensor):
        return weight.reshape(1, weight.size), ()
    if not -weight.ndim <= granularity.axis < weight.ndim:
        raise CalibrationError(
            f"A weight of shape {weight.shape} has no axis {granularity.axis}.",
            where=where or "weight",
            fix="name one of its axes in the granularity",
        )
    axis = range(weight.ndim)[granularity.axis]
    if isinstance(granularity, PerChannel):
        channels = weight.shape[axis]
        return np.moveaxis(weight, axis, 0).reshape(channels, weight.size // max(channels, 1)), (channels,)
    groups = -(-weight.shape[axis] // granularity.size)
    padding = [(0, groups * granularity.size - n) if i == axis else (0, 0) for i, n in enumerate(weight.shape)]
    split = np.pad(weight, padding).reshape(*weight.shape[:axis], groups, granularity.size, *weight.shape[axis + 1 :])
    return np.moveaxis(split, axis + 1, -1).reshape(-1, granularity.size), (*weight.shape[:axis], groups, *weight.shape[axis + 1 :])


def _row_ranges(rows: FloatArray, plan: TensorPlan, where: str) -> tuple[FloatArray, FloatArray]:
    if rows.shape[1] == 0:
        return np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
    if plan.threshold.name == "minmax":
        return rows.min(axis=1), rows.max(axis=1)
    found = []
    for row in rows:
        histogram = HistogramStatistic()
        histogram.update(row)
        found.append(find_range(histogram, plan.threshold, plan.dtype, plan.scheme, where=where))
    return np.array([low for low, _ in found], np.float32), np.array([high for _, high in found], np.float32)


def _bias_floor(
    bias: FloatArray | None, input_scale: float | FloatArray | None, granularity: Granularity, shape: tuple[int, ...], where: str
) -> float | NDArray[np.float64]:
    """Smallest scales at which the bias fits int32 and the product of scales stays a normal float32."""
    if bias is None or input_scale is None:
        return 0.0
    magnitude = np.abs(np.asarray(bias, np.float64).reshape(-1))
    other = float(np.asarray(input_scale, np.float64).reshape(()))
    if isinstance(granularity, PerTensor):
        magnitude = magnitude.max(initial=0.0)
    if isinstance(granularity, PerGroup) or np.shape(magnitude) != shape:
        raise CalibrationError(
            f"A bias of shape {np.shape(bias)} does not go with weight scales of shape {shape}.",
            where=where or "bias",
            fix="one bias per output channel, and scales per output channel or per tensor",
        )
    floor = np.maximum(magnitude / (other * _BIAS_LIMIT), SMALLEST_SCALE / other)
    if not np.isfinite(floor).all() or (floor > np.finfo(np.float32).max).any():
        raise CalibrationError(
            f"No float32 weight scale keeps the bias within int32 (largest |bias| {magnitude.max()}, input scale {other}).",
            where=where or "bias",
            fix="leave this operator in float",
        )
    return floor


def _expanded(qparams: QParams, shape: tuple[int, ...], granularity: Granularity) -> tuple[FloatArray, NDArray[np.int32]]:
    """Scale and zero point in a shape that broadcasts against ``shape``."""

    def along(array: NDArray[Any]) -> NDArray[Any]:
        if isinstance(granularity, PerTensor):
            return array
        axis = range(len(shape))[granularity.axis]
        if isinstance(granularity, PerChannel):
            return array.reshape([n if i == axis else 1 for i, n in enumerate(shape)])
        return np.repeat(array, granularity.size, axis=axis).take(range(shape[axis]), axis=axis)

    return along(qparams.scale), along(qparams.zero_point)
