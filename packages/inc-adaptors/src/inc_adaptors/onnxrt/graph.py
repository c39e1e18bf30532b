"""The graph that is quantized: nodes and initializers one can edit without touching the model they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, ValueInfoProto

from inc_adaptors.onnxrt.tensors import Split, header, opset_of, set_aside, subgraphs, to_array

_PLAIN_INITIALIZERS = 4
"""Before this IR version every initializer had to be a graph input too; in a ``Graph`` none is."""


@attrs.define(kw_only=True, eq=False)
class Graph:
    """A main graph taken apart.

    ``nodes`` are copies; ``initializers`` are the model's own messages and must not be changed, only replaced. ``absorbed`` maps a node's
    name to the names of nodes that were folded into it. Tensors that subgraphs read (``captured``) and graph outputs keep their names.
    """

    head: ModelProto
    name: str
    nodes: list[NodeProto]
    initializers: dict[str, TensorProto]
    sparse: tuple[SparseTensorProto, ...]
    inputs: tuple[ValueInfoProto, ...]
    outputs: tuple[ValueInfoProto, ...]
    captured: frozenset[str]
    absorbed: dict[str, tuple[str, ...]] = attrs.field(factory=dict)

    @property
    def opset(self) -> int:
        """Version of the standard operator set."""
        return opset_of(self.head)

    @property
    def pinned(self) -> frozenset[str]:
        """Tensors whose names somebody outside the node list reads."""
        return self.captured | {value.name for value in self.outputs}

    def consumers(self) -> dict[str, list[tuple[int, int]]]:
        """Tensor name to the (node index, input index) pairs that read it."""
        found: dict[str, list[tuple[int, int]]] = {}
        for index, node in enumerate(self.nodes):
            for position, name in enumerate(node.input):
                if name:
                    found.setdefault(name, []).append((index, position))
        return found

    def producers(self) -> dict[str, int]:
        """Tensor name to the index of the node that makes it."""
        return {name: index for index, node in enumerate(self.nodes) for name in node.output if name}

    def constant(self, name: str) -> NDArray[Any] | None:
        """Values of an initializer, or None."""
        tensor = self.initializers.get(name)
        return None if tensor is None else to_array(tensor)

    def replace_reads(self, renames: Mapping[str, str]) -> None:
        """Let every node read another tensor where ``renames`` has one (chains are followed)."""
        for node in self.nodes:
            for position in range(len(node.input)):
                while node.input[position] in renames:
                    node.input[position] = renames[node.input[position]]

    def names(self) -> set[str]:
        """Every tensor name in use."""
        found = set(self.initializers) | {value.name for value in self.inputs} | self.captured
        for node in self.nodes:
            found.update(node.input, node.output)
        return found


def take_apart(model: ModelProto, *, held: Iterable[TensorProto] = ()) -> Graph:
    """The editable form of a model's main graph; of tensors that are initializers and ``held``, those of the model are taken."""
    graph = model.graph
    initializers = {tensor.name: tensor for tensor in (*held, *graph.initializer)}
    nodes = []
    for node in graph.node:
        copy = NodeProto()
        copy.CopyFrom(node)
        nodes.append(copy)
    head = header(model)
    head.ir_version = max(head.ir_version, _PLAIN_INITIALIZERS)
    return Graph(
        head=head,
        name=graph.name,
        nodes=nodes,
        initializers=initializers,
        sparse=tuple(graph.sparse_initializer),
        inputs=tuple(value for value in graph.input if value.name not in initializers),
        outputs=tuple(graph.output),
        captured=frozenset(name for node in graph.node for _, inner in subgraphs(node) for name in _reads(inner)),
    )


def assemble(graph: Graph, nodes: Iterable[NodeProto], initializers: Mapping[str, TensorProto]) -> ModelProto:
    """A model of these nodes with the initializers that they, or subgraphs, read."""
    model = _without_initializers(graph, nodes, graph.outputs)
    model.graph.initializer.extend(_read_by(graph, model, initializers))
    return model


def with_outputs(graph: Graph, outputs: Sequence[ValueInfoProto]) -> Split:
    """A model of the graph with other outputs, large weights beside it."""
    model = _without_initializers(graph, graph.nodes, outputs)
    return set_aside(model, _read_by(graph, model, graph.initializers))


def _without_initializers(graph: Graph, nodes: Iterable[NodeProto], outputs: Sequence[ValueInfoProto]) -> ModelProto:
    model = ModelProto()
    model.CopyFrom(graph.head)
    made = model.graph
    made.name = graph.name
    made.node.extend(nodes)
    made.input.extend(graph.inputs)
    made.output.extend(outputs)
    made.sparse_initializer.extend(graph.sparse)
    return model


def _read_by(graph: Graph, model: ModelProto, initializers: Mapping[str, TensorProto]) -> list[TensorProto]:
    read = {name for node in model.graph.node for name in node.input} | graph.captured | {value.name for value in model.graph.output}
    return [tensor for name, tensor in initializers.items() if name in read]


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """An attribute's value (ints as a tuple), or ``default`` where the node has none."""
    for item in node.attribute:
        if item.name == name:
            if item.type == item.INT:
                return item.i
            if item.type == item.FLOAT:
                return item.f
            if item.type == item.STRING:
                return item.s.decode(errors="replace")
            if item.type == item.INTS:
                return tuple(item.ints)
            return default
    return default


def reads_of(node: NodeProto) -> tuple[str, ...]:
    """Every tensor a node reads, those its subgraphs take from outside too (with names of their own, which cost nothing)."""
    captured = sorted({name for _, inner in subgraphs(node) for name in _reads(inner)})
    return (*filter(None, node.input), *captured)


def scalar(array: NDArray[Any] | None) -> float | None:
    """The one value of an array of one element."""
    return float(np.asarray(array).reshape(-1)[0]) if array is not None and array.size == 1 else None


def _reads(graph: GraphProto) -> set[str]:
    """Names a subgraph takes from outside (a superset costs nothing but a kept name)."""
    found = {value.name for value in graph.output}
    for node in graph.node:
        found.update(name for name in node.input if name)
        for _, inner in subgraphs(node):
            found |= _reads(inner)
    return found
