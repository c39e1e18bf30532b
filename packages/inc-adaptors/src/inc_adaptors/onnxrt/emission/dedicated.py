"""Give every reader of a quantized tensor a Q/DQ pair of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.qdq import DEQUANTIZE, QUANTIZE, is_standard


def dedicate_pairs(
    nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], pinned: frozenset[str], names: Names
) -> list[NodeProto]:
    """The nodes with one pair per reading input; all pairs of a tensor have its scale.

    The first reader, and whoever reads a pinned tensor by name, keeps the pair that is there. Constants keep one dequantizer.
    """
    makers = {node.output[0]: node for node in nodes if is_standard(node, QUANTIZE, DEQUANTIZE)}
    taken = set(pinned)
    made: list[NodeProto] = []
    for node in nodes:
        copy = NodeProto()
        copy.CopyFrom(node)
        for position, name in enumerate(node.input):
            dequantizer = makers.get(name)
            quantizer = None if dequantizer is None or dequantizer.op_type != DEQUANTIZE else makers.get(dequantizer.input[0])
            if dequantizer is None or quantizer is None or dequantizer.input[0] in initializers:
                continue
            if name not in taken:
                taken.add(name)
                continue
            pair = _again(quantizer, dequantizer, names, (node.name, position, name))
            made += pair
            copy.input[position] = pair[1].output[0]
        made.append(copy)
    return made


def _again(quantizer: NodeProto, dequantizer: NodeProto, names: Names, purpose: tuple[str, int, str]) -> tuple[NodeProto, NodeProto]:
    first, second = NodeProto(), NodeProto()
    first.CopyFrom(quantizer)
    second.CopyFrom(dequantizer)
    for copy in (first, second):
        copy.name = names.of(copy.name, purpose)
        copy.output[0] = names.of(copy.output[0], purpose)
    second.input[0] = first.output[0]
    return first, second
