"""Write a QDQ graph with integer operators: the form that computes on codes without any optimization at load.

A pass over the finished QDQ graph, so that one engine makes both. An operator whose operands are dequantized and whose result is
quantized becomes one node on codes; what has no such node keeps its pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.emission.converters import converter_of
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.qdq import without_unread
from inc_adaptors.onnxrt.emission.writing import Writing
from inc_adaptors.onnxrt.kinds import CONTRIB_DOMAIN

CONTRIB = CONTRIB_DOMAIN


@attrs.frozen(kw_only=True, eq=False)
class Integers:
    """The graph in integer operators; ``kept`` names operators that could have computed on codes and kept their pairs."""

    nodes: tuple[NodeProto, ...]
    initializers: Mapping[str, TensorProto]
    converted: int
    kept: tuple[str, ...]


def to_integer_operators(
    nodes: Sequence[NodeProto],
    initializers: Mapping[str, TensorProto],
    pinned: frozenset[str],
    names: Names,
    *,
    opset: int,
    types: frozenset[str] | None = None,
) -> Integers:
    """Replace what has an integer operator.

    Args:
        nodes: of a QDQ graph in order; they are not changed.
        initializers: of the graph.
        pinned: tensors that keep their names.
        names: where new names come from.
        opset: of the standard operators.
        types: replace only operators of these types; None replaces all.
    """
    writing = Writing(nodes, initializers, pinned, names, opset)
    for node in nodes:
        writing.write(node, converter_of(node) if types is None or node.op_type in types else None)
    return Integers(
        nodes=tuple(without_unread(writing.nodes, pinned)),
        initializers=writing.initializers,
        converted=writing.converted,
        kept=tuple(writing.kept),
    )
