"""Make one Gemm of a MatMul of two axes and the Add of a bias behind it: the form that has an integer kernel with its bias in int32."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.shapes import TensorType

_AXES = 2


def join_products(graph: Graph, types: Mapping[str, TensorType]) -> None:
    """Join every product of a matrix and a constant whose only reader adds one constant per column; the Gemm keeps the MatMul's name."""
    consumers = graph.consumers()
    removed: set[int] = set()
    for node in graph.nodes:
        readers = consumers.get(node.output[0], []) if node.output else []
        if len(readers) != 1 or not _is_product(graph, node, types):
            continue
        index, position = readers[0]
        add = graph.nodes[index]
        bias = _bias(graph, node, add, position)
        if bias is None:
            continue
        node.op_type = "Gemm"
        node.input.append(bias)
        node.output[0] = add.output[0]
        graph.absorbed[node.name] = (*graph.absorbed.get(node.name, ()), add.name)
        removed.add(index)
    graph.nodes[:] = [node for index, node in enumerate(graph.nodes) if index not in removed]


def _is_product(graph: Graph, node: NodeProto, types: Mapping[str, TensorType]) -> bool:
    if node.domain not in ("", "ai.onnx") or node.op_type != "MatMul" or node.output[0] in graph.pinned:
        return False
    weight, kind = graph.initializers.get(node.input[1]), types.get(node.input[0])
    is_matrix = weight is not None and weight.data_type == TensorProto.FLOAT and len(weight.dims) == _AXES
    return is_matrix and node.input[0] not in graph.initializers and kind is not None and len(kind.shape or ()) == _AXES


def _bias(graph: Graph, node: NodeProto, add: NodeProto, position: int) -> str | None:
    if add.domain not in ("", "ai.onnx") or add.op_type != "Add":
        return None
    tensor = graph.initializers.get(add.input[1 - position])
    columns = graph.initializers[node.input[1]].dims[1]
    if tensor is None or tensor.data_type != TensorProto.FLOAT or list(tensor.dims) not in ([columns], [1, columns]):
        return None
    return tensor.name
