"""Constants in 16 bits: each converted once, shared by every emission."""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_config.dtypes import BF16, FloatType
from numpy.typing import NDArray
from onnx import TensorProto

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.half.ports import element_of
from inc_adaptors.onnxrt.tensors import to_array

LARGEST_FP16 = 65504.0
"""The largest finite number of fp16; bf16 reaches as far as fp32."""


class HalfWeights:
    """Initializers in bf16 or fp16."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, FloatType], tuple[TensorProto, TensorProto]] = {}

    def of(self, tensor: TensorProto, dtype: FloatType, names: Names) -> TensorProto:
        """The initializer with its values rounded to ``dtype``."""
        key = (id(tensor), dtype)
        if key not in self._made:
            name = names.of(f"{tensor.name}_{dtype}", ("half", tensor.name, dtype))
            self._made[key] = (half_tensor(to_array(tensor), dtype, name), tensor)  # which keeps its id from being given again
        return self._made[key][0]


def half_tensor(values: NDArray[Any], dtype: FloatType, name: str) -> TensorProto:
    """An initializer of a 16-bit type, rounded to nearest, ties to even."""
    wide = np.ascontiguousarray(values, np.float32)
    with np.errstate(over="ignore"):  # the overflow guard has judged weights; +-inf is what fp16 makes of the rest
        codes = _to_bf16(wide) if dtype is BF16 else wide.astype(np.float16).view(np.uint16)
    raw = codes.astype("<u2").tobytes()
    return TensorProto(name=name, data_type=element_of(dtype), dims=wide.shape, raw_data=raw)


def _to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper half of each number's bits, rounded; NaN stays NaN."""
    bits = values.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    return np.where(np.isnan(values), np.uint32(0x7FC0), rounded).astype(np.uint16)
