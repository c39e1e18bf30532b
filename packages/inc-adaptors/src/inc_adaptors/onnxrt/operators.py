"""The operators of a graph as plans see them: fused with their activation, with their tensors, or with the reason to stay in float."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import attrs
from inc_config.capabilities import Reason, ReasonCode
from inc_config.plan import OpId
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.crossing import crossings
from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.kinds import ACTIVATIONS, CONTRIB_DOMAIN, STANDARD_DOMAINS, WITHOUT, Kind, kind_of
from inc_adaptors.onnxrt.operator import Operator
from inc_adaptors.onnxrt.own import recognize
from inc_adaptors.onnxrt.shapes import TensorType
from inc_adaptors.onnxrt.tensors import subgraphs

__all__ = ["WITHOUT_CONSTANT", "Operator", "is_removable", "operators"]

WITHOUT_CONSTANT = Reason(ReasonCode.DYNAMIC_WEIGHT, "the right operand is no constant, or the left one is")


def operators(graph: Graph, types: Mapping[str, TensorType]) -> tuple[Operator, ...]:
    """Every operator in execution order, those inside subgraphs behind the node that holds them."""
    fused = _fused_activations(graph)
    hidden = set(fused.values())
    crossed = crossings(graph)
    found: list[Operator] = []
    for index, node in enumerate(graph.nodes):
        if index not in hidden:
            found.append(_operator(graph, types, index, fused.get(index), crossed.get(index)))
        found += _inner_operators(node, node.name)
    return tuple(found)


def is_removable(graph: Graph, node: NodeProto) -> bool:
    """Whether a node is a Relu, or a Clip with constant bounds."""
    if node.domain not in STANDARD_DOMAINS or node.op_type not in ACTIVATIONS:
        return False
    return all(name in graph.initializers for name in node.input[1:] if name)


def _fused_activations(graph: Graph) -> dict[int, int]:
    """Index of a node that writes codes to the index of the activation that alone reads its output."""
    consumers, producers = graph.consumers(), graph.producers()
    fused: dict[int, int] = {}
    for index, node in enumerate(graph.nodes):
        source = producers.get(node.input[0]) if is_removable(graph, node) else None
        if source is None or node.input[0] in graph.pinned or len(consumers[node.input[0]]) != 1:
            continue
        before = graph.nodes[source]
        if before.domain in STANDARD_DOMAINS and kind_of(before.op_type) in (Kind.WEIGHTED, Kind.COMPUTING):
            fused[source] = index
    return fused


def _operator(
    graph: Graph, types: Mapping[str, TensorType], index: int, activation: int | None, crossed: Mapping[int, str] | None
) -> Operator:
    node = graph.nodes[index]
    last = node if activation is None else graph.nodes[activation]
    members = (node.name, *graph.absorbed.get(node.name, ()), *([] if activation is None else [last.name]))
    plain = Operator(
        op=OpId(node.name, 0, node.op_type),
        kind=Kind.FLOAT,
        node=index,
        activation=activation,
        outputs=tuple(last.output),
        member_names=members,
    )
    own = recognize(graph, types, node, plain)
    if own is not None:
        return own
    reason = _general_reason(node)
    if reason is not None:
        return attrs.evolve(plain, reason=reason)
    if crossed is not None and all(_is_float(types, name) for name in crossed.values()):
        return attrs.evolve(plain, kind=Kind.CROSSING, inputs=crossed)
    kind = kind_of(node.op_type)
    if kind is Kind.WEIGHTED:
        reason, made = _weighted(graph, types, node, plain)
    else:
        reason, made = _unweighted(graph, types, node, plain, kind)
    return attrs.evolve(plain, reason=reason) if reason is not None else made


def _general_reason(node: NodeProto) -> Reason | None:
    if node.op_type in WITHOUT and node.domain in (*STANDARD_DOMAINS, CONTRIB_DOMAIN):
        slow = node.op_type == "Softmax"
        return Reason(ReasonCode.SLOWER_IN_INTEGER if slow else ReasonCode.NO_INTEGER_KERNEL, WITHOUT[node.op_type])
    if node.domain not in STANDARD_DOMAINS:
        return Reason(ReasonCode.UNKNOWN_DOMAIN, f"{node.domain}.{node.op_type} is left alone")
    if any(True for _ in subgraphs(node)):
        return Reason(ReasonCode.UNSUPPORTED_OPERATOR, f"{node.op_type} holds subgraphs")
    if kind_of(node.op_type) is Kind.FLOAT:
        return Reason(ReasonCode.NO_INTEGER_KERNEL, f"onnxruntime has no 8-bit {node.op_type} on the CPU")
    return None


def _weighted(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, plain: Operator) -> tuple[Reason | None, Operator]:
    weight = graph.initializers.get(node.input[1])
    if weight is None or node.input[0] in graph.initializers:
        return WITHOUT_CONSTANT, plain
    if weight.data_type != TensorProto.FLOAT or math.prod(weight.dims) == 0 or not _is_float(types, node.input[0]):
        return Reason(ReasonCode.UNSUPPORTED_OPERATOR, "integer kernels replace float32 weights and inputs only"), plain
    bias_name = node.input[2] if len(node.input) > 2 and node.input[2] else None
    axis = _channel_axis(node, len(weight.dims))
    fault = _fault(graph, node, axis, weight, bias_name)
    if fault:
        return Reason(ReasonCode.UNSUPPORTED_OPERATOR, fault), plain
    made = attrs.evolve(plain, kind=Kind.WEIGHTED, inputs={0: node.input[0]}, weight=node.input[1], bias=bias_name, channel_axis=axis)
    return None, made


def _channel_axis(node: NodeProto, rank: int) -> int:
    if node.op_type == "Conv" or (node.op_type == "Gemm" and attribute(node, "transB", 0)):
        return 0
    return rank - 1


def _fault(graph: Graph, node: NodeProto, axis: int, weight: TensorProto, bias: str | None) -> str:
    """Why this weighted node has no integer kernel; empty where it has one."""
    if node.op_type == "MatMul" and len(weight.dims) != 2:
        return f"a constant weight of {len(weight.dims)} axes"
    if bias is not None:
        held = graph.initializers.get(bias)
        if held is None or held.data_type != TensorProto.FLOAT:
            return "the bias is no float32 constant"
        channels = weight.dims[axis]
        if tuple(held.dims) not in ((channels,), (1, channels)):
            return "the bias has not one value per output channel"
    if node.op_type == "Gemm" and (
        attribute(node, "transA", 0) or attribute(node, "alpha", 1.0) != 1.0 or attribute(node, "beta", 1.0) != 1.0
    ):
        return "Gemm with transA, alpha or beta"
    return ""


def _unweighted(
    graph: Graph, types: Mapping[str, TensorType], node: NodeProto, plain: Operator, kind: Kind
) -> tuple[Reason | None, Operator]:
    positions = range(len(node.input)) if kind is Kind.COMPUTING else range(1)
    names = {position: node.input[position] for position in positions}
    if any(not _is_float(types, name) for name in names.values()) or not any(name not in graph.initializers for name in names.values()):
        return Reason(ReasonCode.UNSUPPORTED_OPERATOR, "its data are not float32 activations, or of unknown type"), plain
    if node.op_type == "Resize" and attribute(node, "mode", "nearest") != "nearest":
        return Reason(ReasonCode.NO_INTEGER_KERNEL, "onnxruntime resizes codes in nearest mode only"), plain
    if node.op_type == "MaxPool" and len([name for name in node.output if name]) > 1:
        return Reason(ReasonCode.NO_INTEGER_KERNEL, "MaxPool with indices"), plain
    return None, attrs.evolve(plain, kind=kind, inputs=names)


def _is_float(types: Mapping[str, TensorType], name: str) -> bool:
    kind = types.get(name)
    return kind is not None and kind.is_float32


def _inner_operators(holder: NodeProto, path: str) -> Iterator[Operator]:
    """Nodes of subgraphs, which are left as they are; their scopes tell the way: node, attribute, position or name."""
    for label, graph in subgraphs(holder):
        for index, node in enumerate(graph.node):
            scope = f"{path}/{label}/{node.name or f'{node.op_type}_{index}'}"
            reason = Reason(ReasonCode.IN_SUBGRAPH, f"inside {holder.name or path}")
            yield Operator(op=OpId(scope, 0, node.op_type), kind=Kind.FLOAT, node=-1, reason=reason)
            yield from _inner_operators(node, scope)
