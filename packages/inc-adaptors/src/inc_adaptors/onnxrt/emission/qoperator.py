"""Write a QDQ graph with integer operators: the form that computes on codes without any optimization at load.

A pass over the finished QDQ graph, so that one engine makes both. An operator whose operands are dequantized and whose result is
quantized becomes one node on codes; what has no such node keeps its pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.emission.converters import converter_of
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.qdq import QUANTIZE, Qdq, is_standard, without_unread
from inc_adaptors.onnxrt.emission.writing import Writing
from inc_adaptors.onnxrt.kinds import ACTIVATIONS, CONTRIB_DOMAIN, UNDROPPED

CONTRIB = CONTRIB_DOMAIN
_PRODUCTS = ("Gemm", "MatMul")


@attrs.frozen(kw_only=True, eq=False)
class Integers:
    """The graph in integer operators; ``kept`` names operators that could have computed on codes and kept their pairs."""

    nodes: tuple[NodeProto, ...]
    initializers: Mapping[str, TensorProto]
    converted: int
    kept: tuple[str, ...]


def is_undropped_type(node: NodeProto, graph: Qdq) -> bool:
    """Whether onnxruntime keeps the pairs around operators of this type wherever they are."""
    del graph
    return is_standard(node, *UNDROPPED)


def is_undropped(node: NodeProto, graph: Qdq) -> bool:
    """Whether onnxruntime keeps the pairs around an operator that has an integer form, and computes on floats.

    It takes the Relu or Clip behind a product for the way to a quantizer, and where floats are read there it finds no kernel at all.
    """
    if is_undropped_type(node, graph):
        return True
    activation = graph.only_reader(node.output[0]) if is_standard(node, *_PRODUCTS) else None
    if activation is None or not is_standard(activation, *ACTIVATIONS):
        return False
    return not all(is_standard(reader, QUANTIZE) for reader in graph.readers.get(activation.output[0], []))


def to_integer_operators(
    nodes: Sequence[NodeProto],
    initializers: Mapping[str, TensorProto],
    pinned: frozenset[str],
    names: Names,
    *,
    opset: int,
    chosen: Callable[[NodeProto, Qdq], bool] | None = None,
) -> Integers:
    """Replace what has an integer operator.

    Args:
        nodes: of a QDQ graph in order; they are not changed.
        initializers: of the graph.
        pinned: tensors that keep their names.
        names: where new names come from.
        opset: of the standard operators.
        chosen: replace only operators of which it says so; None replaces all.
    """
    writing = Writing(nodes, initializers, pinned, names, opset)
    for node in nodes:
        writing.write(node, converter_of(node) if chosen is None or chosen(node, writing.graph) else None)
    return Integers(
        nodes=tuple(without_unread(writing.nodes, pinned)),
        initializers=writing.initializers,
        converted=writing.converted,
        kept=tuple(writing.kept),
    )
