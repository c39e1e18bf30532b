"""Element types and shapes of a graph's tensors, found without running it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto, helper

from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import ACTIVATIONS, COMPUTING, PASSING, STANDARD_DOMAINS, WEIGHTED
from inc_adaptors.onnxrt.tensors import LARGE_BYTES, expected_bytes, header, subgraphs

_USUAL = 8
_LONGEST = 1 << 16
"""Inference propagates values of one axis, which are sizes and indices: a tensor counts ``_USUAL`` of them unless it is told."""

_RANGE = "Range"
"""Inference that propagates values counts a Range out, however long: its result is an axis of unknown length here."""


@attrs.frozen
class TensorType:
    """``elem_type`` is ONNX's number of the element type; ``shape`` has None for unknown axes and is None where the rank is unknown."""

    elem_type: int
    shape: tuple[int | None, ...] | None

    @property
    def is_float32(self) -> bool:
        """Whether integer kernels exist for this element type."""
        return self.elem_type == TensorProto.FLOAT


def infer(graph: Graph, shapes: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, TensorType]:
    """Types of every tensor that inference can tell; ``shapes`` fixes input shapes, else a dynamic first axis counts as one sample."""
    propagates = not any(_holds_range(inner) for node in graph.nodes for _, inner in subgraphs(node)) and not _piles_up(graph)
    inferred = onnx.shape_inference.infer_shapes(_skeleton(graph, shapes or {}), data_prop=propagates).graph
    found = {
        value.name: _type(value.type)
        for value in (*inferred.value_info, *inferred.input, *inferred.output)
        if value.type.HasField("tensor_type")
    }
    found.update({name: TensorType(tensor.data_type, tuple(tensor.dims)) for name, tensor in graph.initializers.items()})
    _complete(graph, found)
    return found


def _complete(graph: Graph, types: dict[str, TensorType]) -> None:
    """Behind an operator that inference does not know, follow operators whose tensors all have one element type."""
    for node in graph.nodes:
        if node.domain not in STANDARD_DOMAINS or node.op_type not in WEIGHTED | COMPUTING | PASSING | ACTIVATIONS:
            continue
        data = [name for name in (node.input[:1] if node.op_type in PASSING else node.input) if name]
        elements = {types[name].elem_type for name in data if name in types} - {TensorProto.UNDEFINED}
        if len(elements) == 1:
            unknown = TensorType(elements.pop(), None)
            for name in (*data, *node.output):
                if name not in types or types[name].elem_type == TensorProto.UNDEFINED:
                    types[name] = unknown


def _skeleton(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> ModelProto:
    """The graph with large initializers as typed inputs and without declared output shapes (which may hold another batch size)."""
    model = header(graph.head)
    model.ClearField("functions")  # their nodes are left alone; following calls would cost what a hostile file likes
    model.graph.name = graph.name
    model.graph.node.extend(node for node in graph.nodes if node.op_type != _RANGE)
    for node in graph.nodes:
        if node.op_type == _RANGE:
            start = graph.initializers.get(node.input[0])
            element = TensorProto.INT64 if start is None else start.data_type
            model.graph.input.append(helper.make_tensor_value_info(node.output[0], element, [None]))
    model.graph.input.extend(graph.inputs)
    for value in model.graph.input:
        _fix_shape(value, shapes.get(value.name))
    for name, tensor in graph.initializers.items():
        if (expected_bytes(tensor) or 0) <= LARGE_BYTES:
            model.graph.initializer.append(tensor)
        else:
            model.graph.input.append(helper.make_tensor_value_info(name, tensor.data_type, list(tensor.dims)))
    model.graph.sparse_initializer.extend(graph.sparse)
    model.graph.output.extend(graph.outputs)
    for output in model.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    return model


def _holds_range(graph: GraphProto) -> bool:
    return any(node.op_type == _RANGE or any(_holds_range(inner) for _, inner in subgraphs(node)) for node in graph.node)


def _piles_up(graph: Graph) -> bool:
    """Whether propagated values could get long: forty Concats of a tensor with itself make more than any memory holds."""
    lengths = {name: tensor.dims[0] for name, tensor in graph.initializers.items() if len(tensor.dims) == 1}
    return _longest(graph.nodes, lengths) > _LONGEST


def _longest(nodes: Iterable[NodeProto], lengths: dict[str, int]) -> int:
    longest = 0
    for node in nodes:
        for _, inner in subgraphs(node):
            own = {tensor.name: tensor.dims[0] for tensor in inner.initializer if len(tensor.dims) == 1}
            longest = max(longest, _longest(inner.node, {**lengths, **own}))
        read = [lengths.get(name, _USUAL) for name in node.input]
        made = sum(read) if node.op_type == "Concat" else max(read, default=_USUAL)
        lengths.update(dict.fromkeys(node.output, made))
        if node.op_type == "Concat":
            longest = max(longest, made)
    return longest


def _fix_shape(value: ValueInfoProto, shape: tuple[int, ...] | None) -> None:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        return
    dims = value.type.tensor_type.shape.dim
    for axis, dim in enumerate(dims):
        if shape is not None and len(shape) == len(dims):
            dim.dim_value = shape[axis]
        elif axis == 0 and not dim.HasField("dim_value"):
            dim.dim_value = 1


def _type(kind: TypeProto) -> TensorType:
    tensor = kind.tensor_type
    known = tensor.HasField("shape")
    shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim) if known else None
    return TensorType(tensor.elem_type, shape)
