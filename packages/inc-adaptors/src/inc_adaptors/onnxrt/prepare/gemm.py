"""Bring every Gemm with a constant weight into the form that has an integer kernel: x W + b, one constant of b per column."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS
from inc_adaptors.onnxrt.shapes import TensorType
from inc_adaptors.onnxrt.tensors import float_tensor, to_array, unique

_BIAS = 2


def plain_gemms(graph: Graph, types: Mapping[str, TensorType]) -> None:
    """Fold alpha into the weight and beta into a constant bias, spread a bias of one value; the Gemm keeps its name.

    A left operand that Gemm would transpose is transposed before it, and any other bias added behind it.
    """
    taken = graph.names() | {node.name for node in graph.nodes}
    graph.nodes[:] = [made for node in graph.nodes for made in _plain(graph, types, node, taken)]


def _plain(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, taken: set[str]) -> list[NodeProto]:
    weight = graph.initializers.get(node.input[1]) if len(node.input) > 1 else None
    is_gemm = node.op_type == "Gemm" and node.domain in STANDARD_DOMAINS
    if not is_gemm or weight is None or weight.data_type != TensorProto.FLOAT or node.input[0] in graph.initializers:
        return [node]
    while len(node.input) > _BIAS and not node.input[-1]:
        del node.input[-1]
    if attribute(node, "alpha", 1.0) != 1.0:
        node.input[1] = _constant(graph, f"{weight.name}_scaled", to_array(weight) * np.float32(attribute(node, "alpha", 1.0)), taken)
        _drop(node, "alpha")
    return [*_transposed(node, taken), node, *_bias(graph, types, node, taken)]


def _transposed(node: NodeProto, taken: set[str]) -> list[NodeProto]:
    if not attribute(node, "transA", 0):
        return []
    name = unique(f"{node.name}/transpose", taken)
    made = helper.make_node("Transpose", [node.input[0]], [unique(f"{name}_output", taken)], name=name, perm=[1, 0])
    node.input[0] = made.output[0]
    _drop(node, "transA")
    return [made]


def _bias(graph: Graph, types: Mapping[str, TensorType], node: NodeProto, taken: set[str]) -> list[NodeProto]:
    """Make the bias one constant per column, or return the Add that takes its place."""
    beta = attribute(node, "beta", 1.0)
    if len(node.input) <= _BIAS or beta == 0.0:
        del node.input[_BIAS:]
        _drop(node, "beta")
        return []
    weight, held = graph.initializers[node.input[1]], graph.initializers.get(node.input[_BIAS])
    columns = weight.dims[0] if attribute(node, "transB", 0) else weight.dims[1]
    if held is not None and held.data_type == TensorProto.FLOAT:
        if list(held.dims) not in ([columns], [1, columns]) or beta != 1.0:
            values = to_array(held) * np.float32(beta)
            values = np.full(columns, values.reshape(-1)[0], np.float32) if values.size == 1 else values
            node.input[_BIAS] = _constant(graph, f"{held.name}_spread", values, taken)
        _drop(node, "beta")
        if list(graph.initializers[node.input[_BIAS]].dims) in ([columns], [1, columns]):
            return []
    elif beta != 1.0 or node.input[_BIAS] not in types or not types[node.input[_BIAS]].is_float32:
        return []
    name = unique(f"{node.name}/bias", taken)
    made = helper.make_node("Add", [unique(f"{name}_input", taken), node.input[_BIAS]], [node.output[0]], name=name)
    node.output[0] = made.input[0]
    del node.input[_BIAS:]
    return [made]


def _constant(graph: Graph, wish: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]], taken: set[str]) -> str:
    name = unique(wish, taken)
    graph.initializers[name] = float_tensor(name, values)
    return name


def _drop(node: NodeProto, name: str) -> None:
    kept = [item for item in node.attribute if item.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
