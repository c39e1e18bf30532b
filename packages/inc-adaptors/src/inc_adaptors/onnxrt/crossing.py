"""Products of two activations whose quantizers cost nothing: a transformer's queries with its keys.

OpenVINO runs such a product on integers, and a quantizer right behind a product with a constant weight is a part of that product. What
lies between the two products (heads split off, axes swapped, a scalar factor) then moves codes, a quarter of the bytes. Where anything
else makes or reads an operand, its quantizer would be an operator of its own, which costs more than the product gains.
"""

from __future__ import annotations

from collections.abc import Mapping

from onnx import NodeProto

from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS

_MOVING = frozenset({"Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_SCALING = frozenset({"Div", "Mul"})
_PROJECTIONS = frozenset({"Gemm", "MatMul"})


def crossings(graph: Graph) -> Mapping[int, Mapping[int, str]]:
    """Every such product by its node's index: for both input positions the tensor that is to be codes, as its projection made it."""
    suspects = [
        index
        for index, node in enumerate(graph.nodes)
        if _is(node, "MatMul") and len(node.input) == 2 and not any(name in graph.initializers for name in node.input)
    ]
    if not suspects:
        return {}
    search = _Search(graph)
    found = {index: {place: search.root(name) for place, name in enumerate(graph.nodes[index].input)} for index in suspects}
    return {index: {place: root for place, root in roots.items() if root} for index, roots in found.items() if all(roots.values())}


class _Search:
    """Goes back from operands to what made them."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._consumers = graph.consumers()
        self._producers = graph.producers()
        self._pinned = graph.pinned

    def root(self, name: str) -> str:
        """The tensor behind a projection that only this operand is made of; empty where there is none."""
        while (node := self._sole_maker(name)) is not None:
            if self._is_projected(node):
                return name
            before = self._moved(node)
            if not before:
                return ""
            name = before
        return ""

    def _sole_maker(self, name: str) -> NodeProto | None:
        """What makes a tensor whose values one node reads."""
        readers = [index for index, _ in self._consumers.get(name, ()) if not _is(self._graph.nodes[index], "Shape")]
        if name in self._pinned or len(readers) != 1 or name not in self._producers:
            return None
        return self._graph.nodes[self._producers[name]]

    def _moved(self, node: NodeProto) -> str:
        """The one activation that a node moves or scales; empty where it does more."""
        if _is(node, *_MOVING):
            return str(node.input[0])
        if not _is(node, *_SCALING):
            return ""
        left, right = node.input
        if self._is_factor(right):
            return str(left)
        return str(right) if node.op_type == "Mul" and self._is_factor(left) else ""

    def _is_factor(self, name: str) -> bool:
        """Whether a tensor is a constant of one value; behind a factor found at run time OpenVINO multiplies floats."""
        constant = self._graph.initializers.get(name)
        return constant is not None and all(size == 1 for size in constant.dims)

    def _is_projected(self, node: NodeProto) -> bool:
        """Whether a node is a product with a constant weight, or the Add of a constant behind one."""
        if _is(node, "Add") and (constant := self._constant(node)) >= 0:
            before = self._sole_maker(node.input[1 - constant])
            return before is not None and self._is_projection(before)
        return self._is_projection(node)

    def _is_projection(self, node: NodeProto) -> bool:
        return _is(node, *_PROJECTIONS) and self._constant(node) == 1

    def _constant(self, node: NodeProto) -> int:
        """Which of the first two operands is the one constant; -1 where not just one is."""
        places = [place for place, name in enumerate(node.input[:2]) if name in self._graph.initializers]
        return places[0] if len(places) == 1 else -1


def _is(node: NodeProto, *types: str) -> bool:
    return node.op_type in types and node.domain in STANDARD_DOMAINS
