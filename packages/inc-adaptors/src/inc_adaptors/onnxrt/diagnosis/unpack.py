"""Integer operators written out as QDQ: a QOperator model gets float tensors to compare."""

from __future__ import annotations

import attrs
from onnx import ModelProto, NodeProto, helper

_SUFFIX = "_quant"  # what onnxruntime's tool appends to the names of operators it replaces
_PRODUCTS = {"QLinearConv": "Conv", "QLinearMatMul": "MatMul", "QGemm": "Gemm", "MatMulIntegerToFloat": "MatMul"}
_PAIRS = {"QLinearAdd": "Add", "QLinearMul": "Mul"}
_SINGLE = {
    "QLinearAveragePool": "AveragePool",
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearSigmoid": "Sigmoid",
    "QLinearSoftmax": "Softmax",
}
FLOAT_TYPES = {**_PRODUCTS, **_PAIRS, **_SINGLE, "QLinearConcat": "Concat"}
_OWN_ATTRIBUTES = frozenset({"channels_last", "opset"})  # which the float operators do not have
_TRIPLE = 3


@attrs.frozen(kw_only=True)
class _Parts:
    """Names of what an integer operator reads: codes, scale and zero point of each operand, the int32 or float bias, the result's terms."""

    operands: tuple[tuple[str, ...], ...]
    result: tuple[str, ...]
    bias: str = ""
    float_bias: str = ""


def unpacked(model: ModelProto) -> ModelProto:
    """A copy in which integer operators of the QOperator form are DequantizeLinear, operator, QuantizeLinear."""
    made = ModelProto()
    made.CopyFrom(model)
    nodes = [part for node in model.graph.node for part in _written_out(node)]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def plain_name(name: str) -> str:
    """The name that an operator had before a tool renamed it."""
    return name.removesuffix(_SUFFIX)


def _parts(node: NodeProto) -> _Parts:
    given = tuple(node.input)
    if node.op_type == "MatMulIntegerToFloat":
        zeros = (*given[4:6], "", "")[:2]
        operands = tuple((given[index], given[2 + index], zeros[index]) for index in range(2))
        return _Parts(operands=operands, result=(), float_bias=given[6] if len(given) > 6 else "")
    if node.op_type == "QGemm":
        return _Parts(operands=(given[0:3], given[3:6]), result=given[7:9], bias=given[6] if len(given) > 6 else "")
    if node.op_type == "QLinearConcat":
        return _Parts(operands=tuple(given[index : index + _TRIPLE] for index in range(2, len(given), _TRIPLE)), result=given[:2])
    if node.op_type in _SINGLE:
        return _Parts(operands=(given[0:3],), result=given[3:5])
    return _Parts(operands=(given[0:3], given[3:6]), result=given[6:8], bias=given[8] if len(given) > 8 else "")


def _attention(node: NodeProto) -> list[NodeProto]:
    """QAttention as Attention of a dequantized input and weight."""
    given = [*node.input, *[""] * 8][:8]
    name = node.name or node.output[0]
    inputs, made = [], []
    for index, triple in enumerate(((given[0], given[3], given[6]), (given[1], given[4], given[7]))):
        inputs.append(f"{name}/operand_{index}")
        names = [part for part in triple if part]
        made.append(helper.make_node("DequantizeLinear", names, [inputs[-1]], name=f"{inputs[-1]}/dequantize", axis=1))
    inputs += [given[2], *([given[5]] if given[5] else [])]
    made.append(helper.make_node("Attention", inputs, list(node.output), name=plain_name(name), domain=node.domain))
    made[-1].attribute.extend(node.attribute)
    return made


def _written_out(node: NodeProto) -> list[NodeProto]:
    if node.op_type == "QAttention":
        return _attention(node)
    if node.op_type not in FLOAT_TYPES or any(item.name == "channels_last" and item.i for item in node.attribute):
        return [node]  # one that onnxruntime laid out anew has no float form
    name = node.name or node.output[0]
    parts = _parts(node)
    made: list[NodeProto] = []
    inputs = []
    for index, operand in enumerate(parts.operands):
        axis = _weight_axis(node) if index and node.op_type in _PRODUCTS else 1
        inputs.append(f"{name}/operand_{index}")
        names = [part for part in operand if part]
        made.append(helper.make_node("DequantizeLinear", names, [inputs[-1]], name=f"{inputs[-1]}/dequantize", axis=axis))
    if parts.bias:
        inputs.append(f"{name}/bias")
        scales = [parts.operands[0][1], parts.operands[1][1]]
        made += [
            helper.make_node("Mul", scales, [f"{name}/bias_scale"], name=f"{name}/bias_scale"),
            helper.make_node("DequantizeLinear", [parts.bias, f"{name}/bias_scale"], [inputs[-1]], name=f"{inputs[-1]}/dequantize", axis=0),
        ]
    result = [part for part in parts.result if part]
    end = f"{name}/real" if result else f"{name}/product" if parts.float_bias else node.output[0]
    float_node = helper.make_node(FLOAT_TYPES[node.op_type], inputs, [end], name=plain_name(name))
    float_node.attribute.extend(item for item in node.attribute if item.name not in _OWN_ATTRIBUTES)
    made.append(float_node)
    if result:
        made.append(helper.make_node("QuantizeLinear", [end, *result], list(node.output), name=f"{name}/quantize"))
    elif parts.float_bias:
        made.append(helper.make_node("Add", [end, parts.float_bias], list(node.output), name=f"{name}/bias"))
    return made


def _weight_axis(node: NodeProto) -> int:
    transposed = any(item.name == "transB" and item.i for item in node.attribute)
    return 0 if node.op_type == "QLinearConv" or transposed else 1
