"""In QOperator form an operator in float reads floats where there are any: only what an integer operator made is dequantized for it."""

from __future__ import annotations

from collections.abc import Collection

from onnx import ModelProto


def read_floats(model: ModelProto, integer: Collection[str]) -> None:
    """Let nodes of other names than ``integer`` read a float tensor itself, not what its quantizer made of it; in place."""
    quantized = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    rounded = {
        node.output[0]: quantized[node.input[0]]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in quantized
    }
    outputs = {value.name for value in model.graph.output}
    read: set[str] = set(outputs)
    for node in model.graph.node:
        if node.name not in integer:
            node.input[:] = [rounded.get(name, name) for name in node.input]
        read.update(node.input)
    unread = [node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.output[0] not in read]
    for node in unread:
        model.graph.node.remove(node)
