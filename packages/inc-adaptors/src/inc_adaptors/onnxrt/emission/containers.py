"""Codes and zero points as initializers of the type that stores them."""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_config.dtypes import IntegerType
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

_NIBBLE = 4


def codes_tensor(codes: NDArray[Any], name: str, dtype: IntegerType, *, packed: bool = False) -> TensorProto:
    """An initializer of codes: int8 or int16 (signed or not), or two codes of up to 4 bits in each byte where ``packed``."""
    if not packed or dtype.bits > _NIBBLE:
        container = np.dtype(f"{'int' if dtype.signed else 'uint'}{8 if dtype.bits <= 8 else 16}")
        return numpy_helper.from_array(np.asarray(codes, container, order="C"), name)
    flat = np.ascontiguousarray(codes).reshape(-1).astype(np.uint8) & 0x0F
    flat = np.pad(flat, (0, flat.size % 2))
    made = TensorProto(name=name, data_type=TensorProto.INT4 if dtype.signed else TensorProto.UINT4, dims=codes.shape)
    made.raw_data = (flat[0::2] | (flat[1::2] << 4)).tobytes()
    return made
