"""Scales that give quantized weights the spread they had in float.

Source:
    Banner et al., arXiv:1810.05723, section 3.3. The mean, which symmetric codes cannot carry, is left to bias correction.
"""

from __future__ import annotations

import numpy as np
from inc_config.dtypes import PerChannel, PerGroup
from inc_config.plan import TensorPlan
from numpy.typing import NDArray

from inc_adaptors.qparams import QParams, dequantize, quantize

_FURTHEST = 2.0  # a ratio beyond this says that hardly a code is left
_INT32 = 2.0**31 - 1.0


def with_spread(
    weight: NDArray[np.float32],
    qparams: QParams,
    plan: TensorPlan,
    bias: NDArray[np.float32] | None,
    input_scale: NDArray[np.float32] | None,
) -> QParams:
    """``qparams`` with each scale times std(weight) / std(quantized weight).

    Groups keep theirs, and so do channels whose bias would overflow.
    """
    if isinstance(plan.granularity, PerGroup):
        return qparams
    codes = quantize(weight, qparams, plan.dtype, plan.granularity)
    axis = plan.granularity.axis if isinstance(plan.granularity, PerChannel) else None
    before, after = (_spread(array, axis) for array in (weight, dequantize(codes, qparams, plan.granularity)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = before / after
    usable = np.isfinite(ratio) & (ratio <= _FURTHEST) & (ratio >= 1.0 / _FURTHEST)
    if bias is not None and input_scale is not None:
        smallest = np.abs(bias.astype(np.float64)) / _INT32 / input_scale
        usable &= qparams.scale * ratio > (smallest if axis is not None else smallest.max(initial=0.0))
    scale = np.where(usable, qparams.scale * np.where(usable, ratio, 1.0), qparams.scale).astype(np.float32)
    return QParams(scale=scale, zero_point=qparams.zero_point)


def _spread(array: NDArray[np.float32], axis: int | None) -> NDArray[np.float64]:
    """Standard deviation of all values, or of each channel's."""
    rows = array.reshape(1, -1) if axis is None else np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
    found = rows.astype(np.float64).std(axis=1)
    return np.asarray(found if axis is not None else found[0])
