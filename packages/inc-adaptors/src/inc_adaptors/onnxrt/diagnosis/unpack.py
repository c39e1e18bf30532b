"""Integer operators written out as QDQ: a QOperator model gets float tensors to compare."""

from __future__ import annotations

from onnx import ModelProto, NodeProto, helper

_SUFFIX = "_quant"  # what onnxruntime's tool appends to the names of operators it replaces
_FLOAT_TYPES = {"QLinearConv": "Conv", "QLinearMatMul": "MatMul", "QGemm": "Gemm", "QLinearAdd": "Add", "QLinearMul": "Mul"}


def unpacked(model: ModelProto) -> ModelProto:
    """A copy in which QLinearConv, QLinearMatMul, QGemm, QLinearAdd and QLinearMul are DequantizeLinear, operator, QuantizeLinear."""
    made = ModelProto()
    made.CopyFrom(model)
    nodes = [part for node in model.graph.node for part in _written_out(node)]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def plain_name(name: str) -> str:
    """The name that an operator had before a tool renamed it."""
    return name.removesuffix(_SUFFIX)


def _written_out(node: NodeProto) -> list[NodeProto]:
    if node.op_type not in _FLOAT_TYPES:
        return [node]
    name = node.name or node.output[0]
    operands = [list(node.input[0:3]), list(node.input[3:6])]
    result = list(node.input[7:9]) if node.op_type == "QGemm" else list(node.input[6:8])
    bias = node.input[6] if node.op_type == "QGemm" else node.input[8] if len(node.input) > 8 else ""
    made: list[NodeProto] = []
    inputs = []
    for index, triple in enumerate(operands):
        axis = _weight_axis(node) if index else 1
        inputs.append(f"{name}/operand_{index}")
        made.append(helper.make_node("DequantizeLinear", triple, [inputs[-1]], name=f"{inputs[-1]}/dequantize", axis=axis))
    if bias:
        inputs.append(f"{name}/bias")
        made += [
            helper.make_node("Mul", [operands[0][1], operands[1][1]], [f"{name}/bias_scale"], name=f"{name}/bias_scale"),
            helper.make_node("DequantizeLinear", [bias, f"{name}/bias_scale"], [inputs[-1]], name=f"{inputs[-1]}/dequantize", axis=0),
        ]
    dequantized_result = [part for part in result if part]
    end = f"{name}/real" if dequantized_result else node.output[0]
    float_node = helper.make_node(_FLOAT_TYPES[node.op_type], inputs, [end], name=plain_name(name))
    float_node.attribute.extend(node.attribute)
    made.append(float_node)
    if dequantized_result:
        made.append(helper.make_node("QuantizeLinear", [end, *dequantized_result], list(node.output), name=f"{name}/quantize"))
    return made


def _weight_axis(node: NodeProto) -> int:
    transposed = any(item.name == "transB" and item.i for item in node.attribute)
    return 0 if node.op_type == "QLinearConv" or transposed else 1
