"""Strip activations whose work the clamp of the following QuantizeLinear already does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import NodeProto, TensorProto, numpy_helper

from inc_adaptors.onnxrt.kinds import ACTIVATIONS, STANDARD_DOMAINS

_HALF_STEP = 0.5 + 1e-3
"""A Clip between -1 and 1 has its bounds halfway between two codes; the margin is for the rounding of the scale."""


def strip_activations(nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], pinned: frozenset[str]) -> list[NodeProto]:
    """Drop every Relu and Clip that is read only by quantizers whose clamp does the same, up to the rounding of its bounds.

    Do this last: once such a node is gone, taking its Q/DQ pair away would silently lose the activation.
    """
    readers: dict[str, list[NodeProto]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    replaced: dict[str, str] = {}
    kept: list[NodeProto] = []
    for node in nodes:
        if _is_covered(node, readers.get(node.output[0], []), initializers, pinned):
            replaced[node.output[0]] = replaced.get(node.input[0], node.input[0])
            continue
        kept.append(_reading(node, replaced))
    return kept


def _reading(node: NodeProto, replaced: Mapping[str, str]) -> NodeProto:
    """The node itself, or a copy that reads other tensors: nodes of pairs belong to the skeleton and to every other emission."""
    if not any(name in replaced for name in node.input):
        return node
    copy = NodeProto()
    copy.CopyFrom(node)
    for position, name in enumerate(node.input):
        copy.input[position] = replaced.get(name, name)
    return copy


def _is_covered(node: NodeProto, readers: list[NodeProto], initializers: Mapping[str, TensorProto], pinned: frozenset[str]) -> bool:
    if node.op_type not in ACTIVATIONS or node.domain not in STANDARD_DOMAINS or node.output[0] in pinned or not readers:
        return False
    bounds = _bounds(node, initializers)
    return bounds is not None and all(_clamps_within(reader, node.output[0], bounds, initializers) for reader in readers)


def _bounds(node: NodeProto, initializers: Mapping[str, TensorProto]) -> tuple[float, float] | None:
    """Lower and upper bound of a Relu or Clip; None where they are not constant."""
    if node.op_type == "Relu":
        return 0.0, np.inf
    names = [*node.input[1:3], "", ""][:2]
    if any(name and name not in initializers for name in names):
        return None
    low, high = (
        float(numpy_helper.to_array(initializers[name]).reshape(())) if name else default
        for name, default in zip(names, (-np.inf, np.inf), strict=True)
    )
    return low, high


def _clamps_within(reader: NodeProto, tensor: str, bounds: tuple[float, float], initializers: Mapping[str, TensorProto]) -> bool:
    """Whether the bounds round to the first and the last code, or lie beyond: these codes then stand for what is outside of them."""
    if reader.op_type != "QuantizeLinear" or reader.input[0] != tensor or not {reader.input[1], reader.input[2]} <= set(initializers):
        return False
    scale = float(numpy_helper.to_array(initializers[reader.input[1]]))
    zero_point = numpy_helper.to_array(initializers[reader.input[2]])
    limits = np.iinfo(zero_point.dtype)
    low, high = (bound / scale + int(zero_point) for bound in bounds)
    return low <= limits.min + _HALF_STEP and high >= limits.max - _HALF_STEP
