"""Tensors inside a ``ModelProto``: walking them, their sizes, and models without their large weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

LARGE_BYTES = 1024
"""Initializers above this are left out where only the structure of a model matters."""

WEIGHTS_FILE = "model.onnx.data"
"""Where the weights of a split model lie, beside it."""

_PACKED_BITS = {
    int(getattr(TensorProto, name)): bits
    for name, bits in (("UINT4", 4), ("INT4", 4), ("FLOAT4E2M1", 4), ("UINT2", 2), ("INT2", 2))
    if hasattr(TensorProto, name)
}


def all_tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every tensor of a model: initializers, sparse ones, attributes, of subgraphs and local functions too."""
    yield from _of_graph(model.graph)
    for function in model.functions:
        for node in function.node:
            yield from _of_node(node)


def subgraphs(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    """Graphs that hang on a node's attributes (the branches of If, the bodies of Loop and Scan), with the attributes' names."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            yield from ((f"{attribute.name}.{index}", graph) for index, graph in enumerate(attribute.graphs))


def _of_graph(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _of_node(node)


def _of_node(node: NodeProto) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        for sparse in (*([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []), *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
    for _, graph in subgraphs(node):
        yield from _of_graph(graph)


def expected_bytes(tensor: TensorProto) -> int | None:
    """Bytes that ``dims`` and the element type call for in raw form; None for strings and element types that onnx does not know."""
    if tensor.data_type in (TensorProto.STRING, TensorProto.UNDEFINED):
        return None
    count = math.prod(int(axis) for axis in tensor.dims)
    if tensor.data_type in _PACKED_BITS:
        return (count * _PACKED_BITS[tensor.data_type] + 7) // 8
    try:
        itemsize = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).itemsize
    except KeyError:
        return None
    return count * itemsize


def typed_values(tensor: TensorProto) -> tuple[int, int] | None:
    """How many values a tensor without raw data holds, and how many ``dims`` call for; None for raw, external and unknown ones."""
    if tensor.HasField("raw_data") or tensor.data_location == TensorProto.EXTERNAL or tensor.data_type == TensorProto.UNDEFINED:
        return None
    try:
        field = helper.tensor_dtype_to_field(tensor.data_type)
    except KeyError:
        return None
    count = math.prod(int(axis) for axis in tensor.dims)
    if tensor.data_type in _PACKED_BITS:
        count = (count * _PACKED_BITS[tensor.data_type] + 7) // 8
    if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        count *= 2
    return len(getattr(tensor, field)), count


def to_array(tensor: TensorProto) -> NDArray[Any]:
    """The tensor's values."""
    return numpy_helper.to_array(tensor)


def weights_bytes(model: ModelProto) -> int:
    """Bytes of all initializers of the main graph."""
    return sum(expected_bytes(tensor) or 0 for tensor in model.graph.initializer)


def header(model: ModelProto) -> ModelProto:
    """Everything of a model but its graph: versions, operator sets, functions and metadata."""
    made = ModelProto()
    for field in ("ir_version", "producer_name", "producer_version", "domain", "model_version", "doc_string"):
        if model.HasField(field):
            setattr(made, field, getattr(model, field))
    for field in ("opset_import", "metadata_props", "functions"):
        getattr(made, field).extend(getattr(model, field))
    return made


def without_weights(model: ModelProto) -> ModelProto:
    """A copy in which large initializers are typed graph inputs: same structure, small enough for any C++ call."""
    made = header(model)
    made.graph.name = model.graph.name
    made.graph.node.extend(model.graph.node)
    made.graph.output.extend(model.graph.output)
    made.graph.value_info.extend(model.graph.value_info)
    made.graph.sparse_initializer.extend(model.graph.sparse_initializer)
    made.graph.input.extend(model.graph.input)
    declared = {value.name for value in model.graph.input}
    for tensor in model.graph.initializer:
        size = expected_bytes(tensor)
        if size is None or size <= LARGE_BYTES:
            made.graph.initializer.append(tensor)
        elif tensor.name not in declared:
            made.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return made


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """A model whose large initializers lie beside it: ``model`` marks them as external data in ``location``, ``weights`` holds them."""

    model: ModelProto
    weights: Mapping[str, TensorProto]


def split(model: ModelProto, *, location: str = WEIGHTS_FILE) -> Split:
    """Take large initializers out of the model, laid out one after another in one file named ``location``."""
    made = header(model)
    made.graph.CopyFrom(without_initializers(model.graph))
    return set_aside(made, model.graph.initializer, location=location)


def set_aside(model: ModelProto, initializers: Iterable[TensorProto], *, location: str = WEIGHTS_FILE) -> Split:
    """Give ``model``, which has none, its initializers: small ones inside, those above ``LARGE_BYTES`` beside it without a copy."""
    weights: dict[str, TensorProto] = {}
    offset = 0
    for tensor in initializers:
        size = expected_bytes(tensor)
        if size is None or size <= LARGE_BYTES:
            model.graph.initializer.append(tensor)
            continue
        stub = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", location), ("offset", str(offset)), ("length", str(size))):
            stub.external_data.add(key=key, value=value)
        model.graph.initializer.append(stub)
        weights[tensor.name] = tensor
        offset += size
    return Split(model=model, weights=weights)


def without_initializers(graph: GraphProto) -> GraphProto:
    """A copy of a graph with no initializers."""
    made = GraphProto(name=graph.name)
    for field in ("node", "input", "output", "value_info", "sparse_initializer", "quantization_annotation"):
        getattr(made, field).extend(getattr(graph, field))
    return made


def raw_bytes(tensor: TensorProto) -> bytes:
    """The values as little-endian bytes, whichever field of the message holds them."""
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    if tensor.data_type == TensorProto.STRING:
        return b"\0".join(tensor.string_data)
    return numpy_helper.from_array(to_array(tensor)).raw_data


def float_tensor(name: str, array: NDArray[np.floating[Any]]) -> TensorProto:
    """A float32 initializer."""
    return numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name)


def unique(name: str, taken: set[str]) -> str:
    """``name``, or ``name_1``, ``name_2``, ... where it is taken; the result is added to ``taken``."""
    chosen, count = name, 0
    while chosen in taken:
        count += 1
        chosen = f"{name}_{count}"
    taken.add(chosen)
    return chosen


def opset_of(model: ModelProto) -> int:
    """Version of the standard operator set; 0 where the model imports none."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def element_name(data_type: int) -> str:
    """Numpy's name of an ONNX element type (``"float32"``), ``"str"`` for strings."""
    if data_type == TensorProto.STRING:
        return "str"
    return str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type)).name)
