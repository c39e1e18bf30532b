"""Which operators onnxruntime's CPU provider runs on 8-bit codes when Q/DQ pairs surround them (measured with 1.31)."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Kind(enum.Enum):
    """What integer form an operator has.

    ``WEIGHTED``: a constant int8 weight; ``COMPUTING``: codes in, codes out with a range of their own; ``PASSING``: the codes pass
    unchanged, so output and input share one scale; ``READING``: reads codes and returns something else; ``CROSSING``: multiplies two
    activations that are codes and returns floats (see ``crossing``); ``OWN``: constants as codes in an integer operator of onnxruntime's
    own, which returns floats (see ``own``); ``FLOAT``: none.
    """

    WEIGHTED = "weighted"
    COMPUTING = "computing"
    PASSING = "passing"
    READING = "reading"
    CROSSING = "crossing"
    OWN = "own"
    FLOAT = "float"


WEIGHTED = frozenset({"Conv", "MatMul", "Gemm"})
COMPUTING = frozenset({"Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "Sigmoid", "LeakyRelu"})
PASSING = frozenset(
    {
        "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "MaxPool", "Pad", "ReduceMax", "ReduceMin", "Reshape",
        "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
READING = frozenset({"ArgMax"})
UNDROPPED = frozenset({"GatherND", "Pad", "SpaceToDepth"})
"""Of ``PASSING``: onnxruntime keeps the pairs around these, so they are written on codes."""

WITHOUT: Mapping[str, str] = {
    **dict.fromkeys(("Abs", "Mod", "Shrink", "Sign"), "a kernel for 8 bits would take codes for values, and code 0 is not the value 0"),
    "CenterCropPad": "onnxruntime writes it out as Pad and Slice with shapes found at run time",
    "ConvTranspose": "onnxruntime has no 8-bit ConvTranspose on the CPU",
    **dict.fromkeys(("Clip", "Relu"), "it stands alone: behind a quantized operator the codes' clamp does its work"),
    **dict.fromkeys(
        ("InstanceNormalization", "LayerNormalization", "SkipLayerNormalization"), "normalization has float kernels alone; its fusions stay"
    ),
    **dict.fromkeys(("BiasGelu", "FastGelu", "Gelu", "QuickGelu"), "Gelu has float kernels alone; its fusions stay"),
    "Softmax": "the 8-bit kernel takes four times as long as the float one",
}
"""Why operators that one might expect to be quantized are not, where that is more than a missing kernel."""

ACTIVATIONS = frozenset({"Relu", "Clip"})
"""Activations that a quantized output's clamp can stand for."""

STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
CONTRIB_DOMAIN = "com.microsoft"

QUANTIZED_TYPES = frozenset(
    {
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearConv", "QLinearMatMul",
        "QLinearAdd", "QLinearMul", "QGemm", "QAttention", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits",
        "DynamicQuantizeLSTM", "QEmbedLayerNormalization",
    }
)  # fmt: skip
"""Operators whose presence says that a model is quantized already."""


def kind_of(op_type: str) -> Kind:
    """The integer form of a standard operator type."""
    if op_type in WEIGHTED:
        return Kind.WEIGHTED
    if op_type in COMPUTING:
        return Kind.COMPUTING
    if op_type in READING:
        return Kind.READING
    return Kind.PASSING if op_type in PASSING else Kind.FLOAT
