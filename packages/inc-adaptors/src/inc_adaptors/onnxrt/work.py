"""Multiply-adds per sample of convolutions and matrix products."""

from __future__ import annotations

import math
from collections.abc import Mapping

from onnx import NodeProto

from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS
from inc_adaptors.onnxrt.shapes import TensorType


def multiply_adds(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, *, samples: int = 1) -> int:
    """Multiply-adds of one node per sample; 0 where it has none or its shapes are not known."""
    if node.domain not in STANDARD_DOMAINS or node.op_type not in ("Conv", "ConvTranspose", "MatMul", "Gemm"):
        return 0
    left, right, out = (_known(types, name) for name in (node.input[0], node.input[1], node.output[0]))
    if out is None or left is None or right is None:
        return 0
    if node.op_type == "Conv":
        per_output = math.prod(right[1:])
    elif node.op_type == "ConvTranspose":
        return math.prod(left) * math.prod(right[1:]) // max(samples, 1)
    elif node.op_type == "Gemm":
        per_output = left[0] if attribute(node, "transA", 0) else left[-1]
    else:
        per_output = left[-1] if left else 0
    return math.prod(out) * per_output // max(samples, 1)


def _known(types: Mapping[str, TensorType], name: str) -> tuple[int, ...] | None:
    shape = types[name].shape if name in types else None
    if shape is None or any(axis is None for axis in shape):
        return None
    return tuple(axis or 0 for axis in shape)
