"""Keep OpenVINO from running quantizers inside reductions.

Its CPU plug-in makes a part of a reduction whatever comes behind: a multiplication or an addition by channel, a quantizer. Where the
reduction drops its axes the channels are then taken from the wrong one (2 dB are left), and ReduceMax and ReduceMin round to whole codes
before they compare (15 dB, also behind GlobalMaxPool; OpenVINO 2026.4). A reduction that keeps its axes, and a Squeeze behind it, compute
the same and stay apart; where the axes are to be kept, the maximum of the result and itself stands between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.graph import attribute
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS
from inc_adaptors.onnxrt.tensors import to_array

_COMPARING = frozenset({"GlobalMaxPool", "ReduceMax", "ReduceMin"})
_AXES_ARE_INPUTS = 13
"""The operator set from which Squeeze takes its axes as an input."""


def set_apart(
    nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], names: Names, *, opset: int
) -> tuple[Sequence[NodeProto], Mapping[str, TensorProto]]:
    """Put such a node behind every reduction that needs it; the nodes given stay as they are."""
    made: list[NodeProto] = []
    added: dict[str, TensorProto] = {}
    for node in nodes:
        axes = _dropped_axes(node, initializers)
        if not axes and not (_is_standard_in(node, _COMPARING) and _keeps_axes(node)):
            made.append(node)
            continue
        apart, label = names.of(f"{node.output[0]}_apart"), names.of(f"{node.name}_apart")
        if not axes:
            behind = helper.make_node("Max", [apart, apart], list(node.output), name=label)
        elif opset < _AXES_ARE_INPUTS:
            behind = helper.make_node("Squeeze", [apart], list(node.output), name=label, axes=axes)
        else:
            constant = names.of(f"{node.output[0]}_axes")
            added[constant] = numpy_helper.from_array(np.array(axes, np.int64), constant)
            behind = helper.make_node("Squeeze", [apart, constant], list(node.output), name=label)
        made += [_keeping_axes(node, apart), behind]
    return (made, {**initializers, **added}) if len(made) > len(nodes) else (nodes, initializers)


def _is_standard_in(node: NodeProto, types: frozenset[str]) -> bool:
    return node.op_type in types and node.domain in STANDARD_DOMAINS


def _keeps_axes(node: NodeProto) -> bool:
    return bool(attribute(node, "keepdims", 1))


def _dropped_axes(node: NodeProto, initializers: Mapping[str, TensorProto]) -> tuple[int, ...]:
    """Axes that a reduction drops; none where it keeps them, or where they are not known."""
    if node.domain not in STANDARD_DOMAINS or not node.op_type.startswith("Reduce") or _keeps_axes(node):
        return ()
    if len(node.input) > 1:
        given = initializers.get(node.input[1])
        return () if given is None else tuple(int(axis) for axis in to_array(given).reshape(-1))
    return tuple(attribute(node, "axes", ()))


def _keeping_axes(node: NodeProto, output: str) -> NodeProto:
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.output[0] = output
    for item in copy.attribute:
        if item.name == "keepdims":
            item.i = 1
    return copy
