"""Weights as the integer kernels take them: batch norm folded in, quantized per output channel."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inc_adaptors.torch.int8 import Geometry


@attrs.frozen(kw_only=True, eq=False)
class FoldedLayer:
    """``weight`` in the layer's own shape and ``bias`` (out,) or None, float32, batch norm included."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None


def fold(layer: nn.Module, norm: nn.Module | None) -> FoldedLayer:
    """Fold a batch norm in evaluation mode into the convolution before it.

    ``gamma (W x + b - mean) / sqrt(var + eps) + beta``: computed in float64, so that folding adds less error than float32 inference itself.
    Weights that are exactly zero stay so.
    """
    weight = _array(layer.weight)
    bias = None if layer.bias is None else _array(layer.bias)
    if norm is None:
        return FoldedLayer(weight=weight.astype(np.float32), bias=None if bias is None else bias.astype(np.float32))
    factor = 1.0 / np.sqrt(_array(norm.running_var) + float(norm.eps))  # type: ignore[arg-type]  # a batch norm's eps is a number
    if norm.weight is not None:
        factor = factor * _array(norm.weight)
    shift = ((0.0 if bias is None else bias) - _array(norm.running_mean)) * factor
    if norm.bias is not None:
        shift = shift + _array(norm.bias)
    folded = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    return FoldedLayer(weight=folded.astype(np.float32), bias=shift.astype(np.float32))


def _array(tensor: Any) -> NDArray[np.float64]:
    made: NDArray[np.float64] = tensor.detach().cpu().double().numpy()
    return made


def geometry_of(layer: nn.Conv1d | nn.Conv2d) -> Geometry | None:
    """A convolution's fixed numbers; None where the kernels have none like it (padding that is not zeros, or uneven ``same``)."""
    if layer.padding_mode != "zeros":
        return None
    padding = layer.padding
    if isinstance(padding, str):
        sides = layer._reversed_padding_repeated_twice
        pairs = list(zip(sides[::2], sides[1::2], strict=True))[::-1]
        if any(before != after for before, after in pairs):
            return None
        padding = tuple(before for before, _ in pairs)
    return Geometry(stride=tuple(layer.stride), padding=tuple(padding), dilation=tuple(layer.dilation), groups=layer.groups)


def to_tensor(array: NDArray[Any]) -> torch.Tensor:
    """A tensor with memory of its own."""
    return torch.from_numpy(np.array(array))
