"""Take activations out of operators that onnxruntime fused (FusedConv, FusedGemm): plans and integer kernels know the plain operators."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.tensors import unique

_CONTRIB = "com.microsoft"
_PLAIN = {"FusedConv": "Conv", "FusedGemm": "Gemm"}
_PARAMETERS = {"HardSigmoid": ("alpha", "beta"), "LeakyRelu": ("alpha",), "Relu": (), "Sigmoid": (), "Tanh": ()}
_SUMMAND = 3  # input position of FusedConv's fourth operand


def separate_activations(graph: Graph) -> None:
    """Replace every FusedConv and FusedGemm with an activation that ONNX has; the plain operator keeps the name."""
    taken = graph.names() | {node.name for node in graph.nodes}
    made: list[NodeProto] = []
    for node in graph.nodes:
        known = node.domain == _CONTRIB and node.op_type in _PLAIN
        activation = attribute(node, "activation", "")
        made += _separated(graph, node, activation, taken) if known and activation in (*_PARAMETERS, "Clip", "") else [node]
    graph.nodes[:] = made


def _separated(graph: Graph, node: NodeProto, activation: str, taken: set[str]) -> list[NodeProto]:
    parameters = _parameters(node)
    plain = helper.make_node(_PLAIN[node.op_type], list(node.input), list(node.output), name=node.name)
    plain.attribute.extend(item for item in node.attribute if not item.name.startswith("activation"))
    made = [plain]
    if node.op_type == "FusedConv" and len(node.input) > _SUMMAND:
        summand = node.input[_SUMMAND]
        del plain.input[_SUMMAND:]
        made.append(_behind(made[-1], "Add", f"{node.name}/sum", taken, summand))
    while plain.input and not plain.input[-1]:
        del plain.input[-1]
    if activation == "Clip":
        bounds = [unique(f"{node.name}/{name}", taken) for name in ("low", "high")]
        for name, value in zip(bounds, parameters, strict=False):
            graph.initializers[name] = numpy_helper.from_array(np.array(value, np.float32), name)
        made.append(_behind(made[-1], "Clip", f"{node.name}/activation", taken, *bounds[: len(parameters)]))
    elif activation:
        made.append(_behind(made[-1], activation, f"{node.name}/activation", taken))
        values = zip(_PARAMETERS[activation], parameters, strict=False)
        made[-1].attribute.extend(helper.make_attribute(name, float(value)) for name, value in values)
    return made


def _parameters(node: NodeProto) -> tuple[float, ...]:
    """FusedConv holds them in one list, FusedGemm by name."""
    for item in node.attribute:
        if item.name == "activation_params":
            return tuple(item.floats)
    named = {item.name: item.f for item in node.attribute}
    return tuple(named[name] for name in ("activation_alpha", "activation_beta") if name in named)


def _behind(before: NodeProto, op_type: str, wish: str, taken: set[str], *operands: str) -> NodeProto:
    """A node that takes over the output of the one before."""
    name = unique(wish, taken)
    output = before.output[0]
    before.output[0] = unique(f"{name}_input", taken)
    return helper.make_node(op_type, [before.output[0], *operands], [output], name=name)
