"""Which operators onnxruntime's CPU provider runs on 8-bit codes when Q/DQ pairs surround them (measured with 1.31)."""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """What integer form an operator has.

    ``WEIGHTED``: a constant int8 weight; ``COMPUTING``: codes in, codes out with a range of their own; ``PASSING``: the codes pass
    unchanged, so output and input share one scale; ``FLOAT``: none.
    """

    WEIGHTED = "weighted"
    COMPUTING = "computing"
    PASSING = "passing"
    FLOAT = "float"


WEIGHTED = frozenset({"Conv", "MatMul", "Gemm"})
COMPUTING = frozenset({"Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "Sigmoid", "LeakyRelu"})
PASSING = frozenset(
    {
        "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "MaxPool", "Pad", "ReduceMax", "ReduceMin", "Reshape",
        "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
UNDROPPED = frozenset({"GatherND", "Pad", "SpaceToDepth"})
"""Of ``PASSING``: onnxruntime keeps the pairs around these, so they are written on codes."""

ACTIVATIONS = frozenset({"Relu", "Clip"})
"""Activations that a quantized output's clamp can stand for."""

STANDARD_DOMAINS = frozenset({"", "ai.onnx"})

QUANTIZED_TYPES = frozenset(
    {
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearConv", "QLinearMatMul",
        "QLinearAdd", "QLinearMul", "QGemm", "QAttention", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits",
        "DynamicQuantizeLSTM",
    }
)  # fmt: skip
"""Operators whose presence says that a model is quantized already."""


def kind_of(op_type: str) -> Kind:
    """The integer form of a standard operator type."""
    if op_type in WEIGHTED:
        return Kind.WEIGHTED
    if op_type in COMPUTING:
        return Kind.COMPUTING
    return Kind.PASSING if op_type in PASSING else Kind.FLOAT
