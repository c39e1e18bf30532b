"""Keep weights as floats, each behind a Q/DQ pair of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.qdq import DEQUANTIZE, EIGHT_BITS, QUANTIZE, is_standard
from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.tensors import float_tensor, to_array


def pair_weights(
    nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], graph: Graph, names: Names
) -> tuple[list[NodeProto], dict[str, TensorProto]]:
    """Put the float weight and a QuantizeLinear where 8-bit codes were; biases stay int32.

    The weight is the model's own where its pair makes the same codes; else (rounding narrower than the container, corrections) it is what
    the codes stand for.
    """
    kept = dict(initializers)
    sources = _float_constants(nodes, graph)
    made: list[NodeProto] = []
    for node in nodes:
        codes = initializers.get(node.input[0]) if is_standard(node, DEQUANTIZE) else None
        if codes is None or codes.data_type not in EIGHT_BITS:
            made.append(node)
            continue
        weight = _weight(node, initializers, graph, sources.get(node.output[0], ""), names)
        kept[weight.name] = weight
        quantizer = helper.make_node(QUANTIZE, [weight.name, *node.input[1:3]], [names.of(f"{codes.name}_of_float", node.name)])
        quantizer.name = names.of(f"{node.name}_quantize", codes.name)
        dequantizer = NodeProto()
        dequantizer.CopyFrom(node)
        dequantizer.input[0] = quantizer.output[0]
        quantizer.attribute.extend(item for item in node.attribute if item.name == "axis")
        made += [quantizer, dequantizer]
    return made, kept


def _float_constants(nodes: Sequence[NodeProto], graph: Graph) -> dict[str, str]:
    """Tensor that an operator reads to the float constant that it read in the model."""
    before = {node.name: node for node in graph.nodes}
    found: dict[str, str] = {}
    for node in nodes:
        old = before.get(node.name)
        if old is not None:
            found.update((new, was) for new, was in zip(node.input, old.input, strict=False) if was in graph.initializers)
    return found


def _weight(node: NodeProto, initializers: Mapping[str, TensorProto], graph: Graph, source: str, names: Names) -> TensorProto:
    codes, scale, zero = (to_array(initializers[name]) for name in node.input[:3])
    axis = attribute(node, "axis", 1)
    if scale.ndim:
        shape = [-1 if index == axis % codes.ndim else 1 for index in range(codes.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    given = graph.constant(source)
    if given is not None and given.dtype == np.float32 and given.shape == codes.shape and np.array_equal(_codes(given, scale, zero), codes):
        return graph.initializers[source]
    real = (codes.astype(np.float32) - zero.astype(np.float32)) * scale
    return float_tensor(names.of(f"{node.input[0]}_real", node.name), real)


def _codes(values: NDArray[np.float32], scale: NDArray[np.float32], zero: NDArray[np.int8]) -> NDArray[np.float32]:
    limits = np.iinfo(zero.dtype)
    return np.asarray(np.clip(np.rint(values / scale) + zero, limits.min, limits.max))
