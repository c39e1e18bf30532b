"""Turn Constant nodes, and simple arithmetic on constants, into initializers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.sessions import ORT_ERRORS
from inc_adaptors.onnxrt.shapes import TensorType, infer

_BOUNDED = frozenset(
    {
        "Add", "Cast", "Concat", "Div", "Flatten", "Gather", "Identity", "Mul", "Neg", "Reciprocal", "Reshape", "Shape", "Slice", "Split",
        "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
"""Operators whose result is no larger than a small multiple of their inputs: Expand or Tile of a constant could fill the memory."""

_MAX_GROWTH = 4
_SMALL = 1 << 16  # elements that may always be made


def fold_constants(graph: Graph) -> Mapping[str, TensorType]:
    """Replace what depends on initializers alone; weights behind a Transpose or Reshape become plain weights.

    Returns the types of all tensors, also of those that are gone.
    """
    _constants_to_initializers(graph)
    types = infer(graph)
    made = set(graph.initializers)
    chosen: list[NodeProto] = []
    for node in graph.nodes:
        standard = node.domain in ("", "ai.onnx") and node.op_type in _BOUNDED
        if standard and node.input and set(filter(None, node.input)) <= made and _stays_small(node, types):
            chosen.append(node)
            made.update(node.output)
    if chosen:
        _replace(graph, chosen)
    return types


def _stays_small(node: NodeProto, types: Mapping[str, TensorType]) -> bool:
    """Whether all results have known sizes near those of the inputs (a broadcast Add could still be huge)."""
    sizes = [_size(types.get(name)) for name in (*node.input, *node.output) if name]
    if any(size is None for size in sizes):
        return False
    inputs = sum(_size(types.get(name)) or 0 for name in node.input if name)
    return all((_size(types.get(name)) or 0) <= _MAX_GROWTH * inputs + _SMALL for name in node.output if name)


def _size(kind: TensorType | None) -> int | None:
    if kind is None or kind.shape is None or any(axis is None for axis in kind.shape):
        return None
    return math.prod(axis or 0 for axis in kind.shape)


def _constants_to_initializers(graph: Graph) -> None:
    kept = []
    for node in graph.nodes:
        value = _constant_value(node) if node.op_type == "Constant" and node.output[0] not in graph.pinned else None
        if value is None:
            kept.append(node)
        else:
            graph.initializers[node.output[0]] = value
    graph.nodes[:] = kept


def _constant_value(node: NodeProto) -> TensorProto | None:
    if len(node.attribute) != 1:
        return None
    item = node.attribute[0]
    name = node.output[0]
    if item.name == "value":
        tensor = TensorProto()
        tensor.CopyFrom(item.t)
        tensor.name = name
        return tensor
    if item.name in ("value_float", "value_floats", "value_int", "value_ints"):
        kind = np.float32 if "float" in item.name else np.int64
        return numpy_helper.from_array(np.asarray(helper.get_attribute_value(item), kind), name)
    return None


def _replace(graph: Graph, chosen: list[NodeProto]) -> None:
    """Compute the chosen nodes in one session and drop those that nobody outside needs by name."""
    results = _computed(graph, chosen)
    if results is None:
        return
    folded = [node for node in chosen if not any(name in graph.pinned for name in node.output)]
    identities = {id(node) for node in folded}
    graph.nodes[:] = [node for node in graph.nodes if id(node) not in identities]
    graph.initializers.update({name: results[name] for node in folded for name in node.output if name})


def _computed(graph: Graph, chosen: list[NodeProto]) -> dict[str, TensorProto] | None:
    read = {name for node in chosen for name in node.input}
    names = [name for node in chosen for name in node.output if name]
    model = ModelProto()
    model.CopyFrom(graph.head)
    model.graph.name = "constants"
    model.graph.node.extend(chosen)
    model.graph.initializer.extend(tensor for name, tensor in graph.initializers.items() if name in read)
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # a constant that cannot be computed stays in the graph: nothing to report
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        values = session.run(names, {})
    except ORT_ERRORS:
        return None
    return {name: numpy_helper.from_array(value, name) for name, value in zip(names, values, strict=True)}
