"""Integer operators by float operator: each makes the nodes that do the work on codes, or nothing where no kernel fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from onnx import NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.emission.qdq import Coded, is_standard
from inc_adaptors.onnxrt.emission.writing import Writing
from inc_adaptors.onnxrt.graph import attribute
from inc_adaptors.onnxrt.kinds import CONTRIB_DOMAIN, PASSING, STANDARD_DOMAINS

_BY_OPERAND_PAIR = {"Add": "QLinearAdd", "Mul": "QLinearMul"}
_BY_OPERAND = {
    "AveragePool": ("QLinearAveragePool", ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")),
    "GlobalAveragePool": ("QLinearGlobalAveragePool", ()),
    "LeakyRelu": ("QLinearLeakyRelu", ("alpha",)),
    "Sigmoid": ("QLinearSigmoid", ()),
    "Softmax": ("QLinearSoftmax", ("axis",)),
}

Converter = Callable[[Writing, NodeProto], list[NodeProto] | None]


def converter_of(node: NodeProto) -> Converter | None:
    """What makes an operator's integer form; None where it has none."""
    if node.domain not in STANDARD_DOMAINS:
        return None
    if node.op_type in PASSING:
        return _pad if node.op_type == "Pad" else _movement
    return _CONVERTERS.get(node.op_type)


def _node(
    op_type: str, inputs: Sequence[str], outputs: Sequence[str], like: NodeProto, *, domain: str = "", keep: Iterable[str] = ()
) -> NodeProto:
    made = helper.make_node(op_type, inputs, outputs, name=like.name, domain=domain)
    made.attribute.extend(item for item in like.attribute if item.name in keep)
    return made


def _weight(writing: Writing, name: str, axis: int) -> Coded | None:
    found = writing.graph.dequantized(name)
    return found if found is not None and found.axis in (None, axis) and found.codes in writing.initializers else None


def _conv(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    data, weight = writing.operand(node.input[0]), _weight(writing, node.input[1], 0)
    bias = writing.graph.bias(node.input[2]) if len(node.input) > 2 and node.input[2] else ""
    result = writing.result(node.output[0])
    if data is None or weight is None or bias is None or result is None:
        return None
    keep = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    inputs = [*data.triple, *weight.triple, *result.coded.terms, *([bias] if bias else [])]
    return writing.finish(result, lambda codes: _node("QLinearConv", inputs, [codes], node, keep=keep))


def _gemm(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    axis = 0 if attribute(node, "transB", 0) else 1
    data, weight = writing.operand(node.input[0]), _weight(writing, node.input[1], axis)
    bias = writing.graph.bias(node.input[2]) if len(node.input) > 2 and node.input[2] else ""
    if data is None or weight is None or bias is None or attribute(node, "beta", 1.0) != 1.0:
        return None
    inputs = [*data.triple, *weight.triple, bias]
    keep = ("alpha", "transA", "transB")
    result = writing.result(node.output[0])
    if result is None:
        return [_node("QGemm", inputs, list(node.output), node, domain=CONTRIB_DOMAIN, keep=keep)]
    inputs += result.coded.terms
    return writing.finish(result, lambda codes: _node("QGemm", inputs, [codes], node, domain=CONTRIB_DOMAIN, keep=keep))


def _matmul(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    data, weight = writing.operand(node.input[0]), _weight(writing, node.input[1], 1) or writing.operand(node.input[1])
    if data is None or weight is None:
        return None
    result = writing.result(node.output[0])
    if result is not None:
        inputs = [*data.triple, *weight.triple, *result.coded.terms]
        return writing.finish(result, lambda codes: _node("QLinearMatMul", inputs, [codes], node))
    bias, output = _added_bias(writing, node, weight)
    inputs = [data.codes, weight.codes, data.scale, weight.scale, data.zero_point, weight.zero_point, *([bias] if bias else [])]
    return [_node("MatMulIntegerToFloat", inputs, [output], node, domain=CONTRIB_DOMAIN)]


def _added_bias(writing: Writing, node: NodeProto, weight: Coded) -> tuple[str, str]:
    """The float constant that an Add alone puts on the product, one value per column, and the Add's result."""
    add = writing.graph.only_reader(node.output[0])
    shape = tuple(writing.initializers[weight.codes].dims) if weight.codes in writing.initializers else ()
    if add is None or not is_standard(add, "Add") or len(shape) != 2:
        return "", node.output[0]
    other = add.input[1] if add.input[0] == node.output[0] else add.input[0]
    tensor = writing.initializers.get(other)
    if tensor is None or tensor.data_type != TensorProto.FLOAT or list(tensor.dims) != [*[1] * (len(tensor.dims) - 1), shape[1]]:
        return "", node.output[0]
    writing.skip(add)
    return writing.flat(tensor), add.output[0]


def _two_operands(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    left, right = (writing.operand(name) for name in node.input)
    result = writing.result(node.output[0])
    if left is None or right is None or result is None:
        return None
    inputs = [*left.triple, *right.triple, *result.coded.terms]
    return writing.finish(result, lambda codes: _node(_BY_OPERAND_PAIR[node.op_type], inputs, [codes], node, domain=CONTRIB_DOMAIN))


def _one_operand(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    data, result = writing.operand(node.input[0]), writing.result(node.output[0])
    if data is None or result is None or any(step != 1 for step in attribute(node, "dilations", ())):
        return None
    op_type, keep = _BY_OPERAND[node.op_type]

    def make(codes: str) -> NodeProto:
        made = _node(op_type, [*data.triple, *result.coded.terms], [codes], node, domain=CONTRIB_DOMAIN, keep=keep)
        if op_type == "QLinearSoftmax":
            made.attribute.append(helper.make_attribute("opset", writing.opset))
        return made

    return writing.finish(result, make)


def _concat(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    operands = [writing.operand(name) for name in node.input]
    result = writing.result(node.output[0])
    if result is None or any(operand is None for operand in operands):
        return None
    inputs = [*result.coded.terms, *(part for operand in operands if operand is not None for part in operand.triple)]
    return writing.finish(result, lambda codes: _node("QLinearConcat", inputs, [codes], node, domain=CONTRIB_DOMAIN, keep=("axis",)))


def _movement(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    data = writing.operand(node.input[0])
    results = [writing.result(name) if name else None for name in node.output]
    if data is None or not all(
        result is not None and result.activation is None and _passes(writing, data, result.coded)
        for name, result in zip(node.output, results, strict=True)
        if name
    ):
        return None
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.input[0] = data.codes
    for position, result in enumerate(results):
        if result is not None:
            copy.output[position] = writing.finish(result, lambda codes: NodeProto(output=[codes]))[0].output[0]
    return [copy]


def _passes(writing: Writing, data: Coded, result: Coded) -> bool:
    return writing.is_same(data.scale, result.scale) and writing.is_same(data.zero_point, result.zero_point)


def _pad(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    """The padding value becomes a code; without one it is real zero, which is the zero point."""
    given = node.input[2] if len(node.input) > 2 else ""
    value = writing.constant(given) if given else np.zeros((), np.float32)
    data = writing.operand(node.input[0])
    made = None if value is None else _movement(writing, node)
    if made is None or value is None or data is None:
        return None
    while len(made[0].input) < 3:
        made[0].input.append("")
    made[0].input[2] = writing.codes_of(float(value.reshape(())), data)
    return made


def _reading_codes(writing: Writing, node: NodeProto) -> list[NodeProto] | None:
    """An index of the largest value is that of the largest code."""
    data = writing.operand(node.input[0])
    if data is None:
        return None
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.input[0] = data.codes
    return [copy]


_CONVERTERS: Mapping[str, Converter] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Concat": _concat,
    "ArgMax": _reading_codes,
    **dict.fromkeys(_BY_OPERAND_PAIR, _two_operands),
    **dict.fromkeys(_BY_OPERAND, _one_operand),
}
