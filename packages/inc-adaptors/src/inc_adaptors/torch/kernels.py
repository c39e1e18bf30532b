"""Integer kernels: float32 to uint8 codes, and the oneDNN calls on them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from inc_adaptors.kernels.compiled import compiled

QMIN, QMAX = np.float32(0), np.float32(255)


@compiled
def _quantize(values: NDArray[np.float32], inverse_scale: Any, zero_point: Any, codes: NDArray[np.uint8]) -> None:
    for i in range(values.size):
        code = np.rint(values[i] * inverse_scale) + zero_point
        code = code if code > QMIN else QMIN  # this form sends NaN to 0
        codes[i] = np.int32(code if code < QMAX else QMAX)


def quantize_numpy(values: NDArray[np.float32], scale: float, zero_point: int) -> NDArray[np.uint8]:
    """Twin of ``quantize`` for arrays."""
    codes = np.rint(values * np.float32(1.0 / scale)) + np.float32(zero_point)
    return np.minimum(np.where(codes > QMIN, codes, QMIN), QMAX).astype(np.uint8)


def quantize(values: torch.Tensor, scale: float, zero_point: int) -> torch.Tensor:
    """uint8 codes ``clip(round(x / scale) + zero_point)`` of any tensor; channels-last stays so, other layouts become contiguous.

    One thread, 2.5 us for small tensors: torch's own quantize operators are deprecated and two to three times slower.
    """
    values = values.detach().float()
    if values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last):
        return _quantized(values.permute(0, 2, 3, 1), scale, zero_point).permute(0, 3, 1, 2)
    return _quantized(values.contiguous(), scale, zero_point)


def _quantized(values: torch.Tensor, scale: float, zero_point: int) -> torch.Tensor:
    codes = torch.empty(values.shape, dtype=torch.uint8)
    _quantize(values.view(-1).numpy(), np.float32(1.0 / scale), np.float32(zero_point), codes.view(-1).numpy())
    return codes


class Window(NamedTuple):
    """A pooling window over height and width, as torch describes it."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    ceil: bool = False


def max_pool(codes: torch.Tensor, window: Window) -> torch.Tensor:
    """Max pooling of uint8 codes, shape (N, C, H, W), as maxima of strided views, one axis after the other.

    torch has no such kernel for uint8. Padding is code 0, which no real code is below.
    """
    return _max_along(_max_along(codes, 2, window), 3, window)


def _max_along(codes: torch.Tensor, axis: int, window: Window) -> torch.Tensor:
    size, step, pad, spread = (values[axis - 2] for values in window[:4])
    length, reach = codes.shape[axis], spread * (size - 1) + 1
    span = length + 2 * pad - reach
    count = (-(-span // step) if window.ceil else span // step) + 1
    if window.ceil and (count - 1) * step >= length + pad:
        count -= 1  # a window that would start in the padding on the right is dropped, as in torch
    behind = max(0, (count - 1) * step + reach - length - pad)
    if pad or behind:
        codes = functional.pad(codes, (0, 0, pad, behind) if axis == 2 else (pad, behind))
    width = (count - 1) * step + 1
    before = (slice(None),) * axis
    result = codes[(*before, slice(0, width, step))]
    for start in range(spread, size * spread, spread):
        result = torch.maximum(result, codes[(*before, slice(start, start + width, step))])
    return result


def dequantize(codes: torch.Tensor, scale: float, zero_point: int) -> torch.Tensor:
    """``scale * (code - zero_point)`` in float32, same layout."""
    return codes.to(torch.float32).sub_(zero_point).mul_(scale)
