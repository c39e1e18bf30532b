"""Write operators of a finished graph in 16 bits: casts stand where types change, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
from inc_config.dtypes import FloatType
from inc_config.plan import OpId, QuantizationPlan
from onnx import NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.half.options import HEAVY
from inc_adaptors.onnxrt.half.ports import Ports, element_of, ports_of
from inc_adaptors.onnxrt.half.weights import HalfWeights
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS


@attrs.frozen(kw_only=True, eq=False)
class Cast16:
    """The nodes and initializers with ``active`` operators in 16 bits; ``idle`` ones read nothing in 16 bits and stay in fp32."""

    nodes: Sequence[NodeProto]
    initializers: Mapping[str, TensorProto]
    active: tuple[OpId, ...] = ()
    idle: tuple[OpId, ...] = ()


def halves_of(plan: QuantizationPlan) -> dict[OpId, FloatType]:
    """Operators that a plan puts in 16 bits."""
    wanted = ((op, option.compute_dtype) for op, option in plan.ops.items())
    return {op: dtype for op, dtype in wanted if isinstance(dtype, FloatType) and dtype is not FloatType.FP32}


def cast_to_half(
    nodes: Sequence[NodeProto],
    initializers: Mapping[str, TensorProto],
    *,
    graph: Graph,
    layout: Layout,
    plan: QuantizationPlan,
    names: Names,
    weights: HalfWeights,
) -> Cast16:
    """Put the plan's 16-bit operators, with their fused activations, into their types.

    Neighbours in one type pass it on without casts; a tensor that others read too is cast once for all of them. Light operators join
    only where all they read is in their type already. Inputs and outputs of the graph keep theirs.
    """
    wanted = halves_of(plan)
    if not wanted:
        return Cast16(nodes=nodes, initializers=initializers)
    by_name = {name: op for op in wanted for name in _native_names(graph, layout, op)}
    marked = {index: by_name[node.name] for index, node in enumerate(nodes) if node.name in by_name and node.domain in STANDARD_DOMAINS}
    work = _Casting(nodes, initializers, graph=graph, names=names, weights=weights)
    work.choose({index: wanted[op] for index, op in marked.items()})
    work.write()
    active = tuple(dict.fromkeys(op for index, op in marked.items() if index in work.active))
    return Cast16(nodes=work.nodes, initializers=work.initializers, active=active, idle=tuple(op for op in wanted if op not in active))


def _native_names(graph: Graph, layout: Layout, op: OpId) -> Iterator[str]:
    operator = layout.by_op[op]
    for index in (operator.node, operator.activation):
        if index is not None and index >= 0:
            yield graph.nodes[index].name


class _Casting:
    """One emission in progress."""

    def __init__(
        self, nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], *, graph: Graph, names: Names, weights: HalfWeights
    ) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, TensorProto] = dict(initializers)
        self.active: dict[int, tuple[FloatType, Ports]] = {}
        self._given = nodes
        self._graph = graph
        self._names = names
        self._weights = weights
        self._made: dict[str, FloatType] = {}  # tensors that an active node makes in 16 bits
        self._cast: set[str] = set()

    def choose(self, wanted: Mapping[int, FloatType]) -> None:
        """Find the nodes that compute in 16 bits, in order of execution."""
        for index, dtype in wanted.items():
            node = self._given[index]
            ports = ports_of(node, self._graph.opset)
            if ports is None:
                continue
            read = [node.input[position] for position in ports.inputs if node.input[position] not in self.initializers]
            if node.op_type not in HEAVY and not (read and all(self._made.get(name) is dtype for name in read)):
                continue
            self.active[index] = (dtype, ports)
            self._made.update(dict.fromkeys((node.output[position] for position in ports.outputs), dtype))

    def write(self) -> None:
        """Write all nodes with the casts that they need."""
        in_float = self._read_in_float()
        for index, node in enumerate(self._given):
            if index not in self.active:
                self.nodes.append(node)
                continue
            dtype, ports = self.active[index]
            made = NodeProto()
            made.CopyFrom(node)
            for position in ports.inputs:
                made.input[position] = self._operand(node.input[position], dtype)
            for position in ports.outputs:
                made.output[position] = self._half(node.output[position], dtype)
            self.nodes.append(made)
            for position in ports.outputs:
                name = node.output[position]
                if name in in_float:
                    self._append_cast(self._half(name, dtype), name, TensorProto.FLOAT)

    def _read_in_float(self) -> set[str]:
        """Of the tensors made in 16 bits, those that somebody reads in fp32."""
        found = {name for name in self._made if name in self._graph.pinned}
        for index, node in enumerate(self._given):
            dtype, ports = self.active.get(index, (None, None))
            for position, name in enumerate(node.input):
                stays = ports is not None and position in ports.inputs and self._made.get(name) is dtype
                if name in self._made and not stays:
                    found.add(name)
        return found

    def _operand(self, name: str, dtype: FloatType) -> str:
        if name in self.initializers:
            tensor = self._weights.of(self.initializers[name], dtype, self._names)
            self.initializers[tensor.name] = tensor
            return tensor.name
        half = self._half(name, dtype)
        if self._made.get(name) is not dtype and half not in self._cast:
            self._append_cast(name, half, element_of(dtype))
        return half

    def _half(self, name: str, dtype: FloatType) -> str:
        return self._names.of(f"{name}_{dtype}", ("half", name, dtype))

    def _append_cast(self, source: str, result: str, element: int) -> None:
        self._cast.add(result)
        label = self._names.of(f"{result}_cast", ("cast", source, result))
        self.nodes.append(helper.make_node("Cast", [source], [result], name=label, to=element))
