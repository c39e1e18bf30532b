"""Write a QDQ graph with integer operators: the form that computes on codes without any optimization at load.

A pass over the finished QDQ graph, so that one engine makes both. An operator whose operands are dequantized and whose result is
quantized becomes one node on codes; what has no such node keeps its pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs
import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.qdq import Coded, Qdq, is_standard, without_unread
from inc_adaptors.onnxrt.graph import attribute
from inc_adaptors.onnxrt.kinds import ACTIVATIONS, PASSING, STANDARD_DOMAINS

CONTRIB = "com.microsoft"

_BY_OPERAND_PAIR = {"Add": "QLinearAdd", "Mul": "QLinearMul"}
_BY_OPERAND = {
    "AveragePool": ("QLinearAveragePool", ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")),
    "GlobalAveragePool": ("QLinearGlobalAveragePool", ()),
    "LeakyRelu": ("QLinearLeakyRelu", ("alpha",)),
    "Sigmoid": ("QLinearSigmoid", ()),
    "Softmax": ("QLinearSoftmax", ("axis",)),
}


@attrs.frozen(kw_only=True, eq=False)
class Integers:
    """The graph in integer operators; ``kept`` names operators that could have computed on codes and kept their pairs."""

    nodes: tuple[NodeProto, ...]
    initializers: Mapping[str, TensorProto]
    converted: int
    kept: tuple[str, ...]


def to_integer_operators(
    nodes: Sequence[NodeProto],
    initializers: Mapping[str, TensorProto],
    pinned: frozenset[str],
    names: Names,
    *,
    opset: int,
    types: frozenset[str] | None = None,
) -> Integers:
    """Replace what has an integer operator.

    Args:
        nodes: of a QDQ graph in order; they are not changed.
        initializers: of the graph.
        pinned: tensors that keep their names.
        names: where new names come from.
        opset: of the standard operators.
        types: replace only operators of these types; None replaces all.
    """
    writing = _Writing(nodes, initializers, pinned, names, opset)
    for node in nodes:
        writing.write(node, allowed=types is None or node.op_type in types)
    return Integers(
        nodes=tuple(without_unread(writing.nodes, pinned)),
        initializers=writing.initializers,
        converted=writing.converted,
        kept=tuple(writing.kept),
    )


@attrs.frozen(kw_only=True, eq=False)
class _Result:
    """Where an operator's result goes: the quantizers that read it, and the activation between, if any."""

    quantizers: Sequence[NodeProto]
    activation: NodeProto | None
    coded: Coded


class _Writing:
    def __init__(
        self, nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], pinned: frozenset[str], names: Names, opset: int
    ) -> None:
        self.graph = Qdq(nodes, initializers, pinned)
        self.initializers = dict(initializers)
        self.names = names
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.converted = 0
        self.kept: list[str] = []
        self._done: set[int] = set()  # nodes that another replaced, by identity
        self._renamed: dict[str, str] = {}  # codes made twice alike

    def write(self, node: NodeProto, *, allowed: bool) -> None:
        if id(node) in self._done:
            return
        convert = _converter(node)
        made = convert(self, node) if allowed and convert is not None else None
        if made is None:
            if allowed and convert is not None and any(self.graph.dequantized(name) for name in node.input[:1]):
                self.kept.append(node.name)
            self.nodes.append(self._reading(node))
            return
        self.converted += 1
        self.nodes += [self._reading(part) for part in made]

    def operand(self, name: str) -> Coded | None:
        """What ``name`` was dequantized from with one scale."""
        found = self.graph.dequantized(name)
        return found if found is not None and found.axis is None else None

    def result(self, name: str) -> _Result | None:
        """Where ``name`` goes, if it is quantized and nothing else, directly or behind an activation."""
        quantizers = self.graph.quantized(name)
        if quantizers:
            return _Result(quantizers=quantizers, activation=None, coded=self.graph.coded(quantizers[0]))
        reader = self.graph.only_reader(name)
        if reader is None or not is_standard(reader, *ACTIVATIONS) or self._bounds(reader) is None:
            return None
        quantizers = self.graph.quantized(reader.output[0])
        return _Result(quantizers=quantizers, activation=reader, coded=self.graph.coded(quantizers[0])) if quantizers else None

    def finish(self, result: _Result, make: Callable[[str], NodeProto]) -> list[NodeProto]:
        """The integer node, with the activation done on its codes; the quantizers go."""
        self._done.update(id(quantizer) for quantizer in result.quantizers)
        self._renamed.update({quantizer.output[0]: result.coded.codes for quantizer in result.quantizers[1:]})
        if result.activation is None:
            return [make(result.coded.codes)]
        self._done.add(id(result.activation))
        before = self.names.of(f"{result.coded.codes}_unclipped")
        low, high = self._bounds(result.activation) or (-np.inf, np.inf)
        bounds = [self.codes_of(value, result.coded) for value in (low, high)]
        clip = helper.make_node("Clip", [before, *bounds], [result.coded.codes], name=result.activation.name)
        return [make(before), clip]

    def codes_of(self, value: float, coded: Coded) -> str:
        """A constant with the code of one real number."""
        zero = numpy_helper.to_array(self.initializers[coded.zero_point])
        scale = float(numpy_helper.to_array(self.initializers[coded.scale]))
        limits = np.iinfo(zero.dtype)
        code = np.clip(np.rint(value / scale) + int(zero), limits.min, limits.max).astype(zero.dtype)
        name = self.names.of(f"{coded.zero_point}_code_of_{value:g}", (coded, value))
        self.initializers[name] = numpy_helper.from_array(code, name)
        return name

    def constant(self, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None:
        tensor = self.initializers.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def is_same(self, left: str, right: str) -> bool:
        """Whether two constants hold the same values."""
        if left == right:
            return True
        one, other = self.constant(left), self.constant(right)
        return one is not None and other is not None and one.dtype == other.dtype and bool(np.array_equal(one, other))

    def flat(self, tensor: TensorProto) -> str:
        """A constant as a vector."""
        if len(tensor.dims) == 1:
            return tensor.name
        name = self.names.of(f"{tensor.name}_flat")
        self.initializers[name] = numpy_helper.from_array(numpy_helper.to_array(tensor).reshape(-1), name)
        return name

    def skip(self, node: NodeProto) -> None:
        """Another node does this one's work."""
        self._done.add(id(node))

    def _bounds(self, node: NodeProto) -> tuple[float, float] | None:
        """Bounds of a Relu or Clip; None where they are no constants."""
        if node.op_type == "Relu":
            return 0.0, np.inf
        bounds = [-np.inf, np.inf]
        for index, name in enumerate(node.input[1:3]):
            value = self.constant(name) if name else None
            if name and value is None:
                return None
            bounds[index] = bounds[index] if value is None else float(value.reshape(()))
        return bounds[0], bounds[1]

    def _reading(self, node: NodeProto) -> NodeProto:
        """The node with renamed inputs; nodes of the QDQ graph belong to other emissions too."""
        if not any(name in self._renamed for name in node.input):
            return node
        copy = NodeProto()
        copy.CopyFrom(node)
        for position, name in enumerate(node.input):
            copy.input[position] = self._renamed.get(name, name)
        return copy


_Converter = Callable[[_Writing, NodeProto], list[NodeProto] | None]


def _converter(node: NodeProto) -> _Converter | None:
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


def _weight(writing: _Writing, name: str, axis: int) -> Coded | None:
    found = writing.graph.dequantized(name)
    return found if found is not None and found.axis in (None, axis) and found.codes in writing.initializers else None


def _conv(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
    data, weight = writing.operand(node.input[0]), _weight(writing, node.input[1], 0)
    bias = writing.graph.bias(node.input[2]) if len(node.input) > 2 and node.input[2] else ""
    result = writing.result(node.output[0])
    if data is None or weight is None or bias is None or result is None:
        return None
    keep = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    inputs = [*data.triple, *weight.triple, *result.coded.terms, *([bias] if bias else [])]
    return writing.finish(result, lambda codes: _node("QLinearConv", inputs, [codes], node, keep=keep))


def _gemm(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
    axis = 0 if attribute(node, "transB", 0) else 1
    data, weight = writing.operand(node.input[0]), _weight(writing, node.input[1], axis)
    bias = writing.graph.bias(node.input[2]) if len(node.input) > 2 and node.input[2] else ""
    if data is None or weight is None or bias is None or attribute(node, "beta", 1.0) != 1.0:
        return None
    inputs = [*data.triple, *weight.triple, bias]
    keep = ("alpha", "transA", "transB")
    result = writing.result(node.output[0])
    if result is None:
        return [_node("QGemm", inputs, list(node.output), node, domain=CONTRIB, keep=keep)]
    inputs += result.coded.terms
    return writing.finish(result, lambda codes: _node("QGemm", inputs, [codes], node, domain=CONTRIB, keep=keep))


def _matmul(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
    data, weight = writing.operand(node.input[0]), _weight(writing, node.input[1], 1) or writing.operand(node.input[1])
    if data is None or weight is None:
        return None
    result = writing.result(node.output[0])
    if result is not None:
        inputs = [*data.triple, *weight.triple, *result.coded.terms]
        return writing.finish(result, lambda codes: _node("QLinearMatMul", inputs, [codes], node))
    bias, output = _added_bias(writing, node, weight)
    inputs = [data.codes, weight.codes, data.scale, weight.scale, data.zero_point, weight.zero_point, *([bias] if bias else [])]
    return [_node("MatMulIntegerToFloat", inputs, [output], node, domain=CONTRIB)]


def _added_bias(writing: _Writing, node: NodeProto, weight: Coded) -> tuple[str, str]:
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


def _two_operands(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
    left, right = (writing.operand(name) for name in node.input)
    result = writing.result(node.output[0])
    if left is None or right is None or result is None:
        return None
    inputs = [*left.triple, *right.triple, *result.coded.terms]
    return writing.finish(result, lambda codes: _node(_BY_OPERAND_PAIR[node.op_type], inputs, [codes], node, domain=CONTRIB))


def _one_operand(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
    data, result = writing.operand(node.input[0]), writing.result(node.output[0])
    if data is None or result is None or any(step != 1 for step in attribute(node, "dilations", ())):
        return None
    op_type, keep = _BY_OPERAND[node.op_type]

    def make(codes: str) -> NodeProto:
        made = _node(op_type, [*data.triple, *result.coded.terms], [codes], node, domain=CONTRIB, keep=keep)
        if op_type == "QLinearSoftmax":
            made.attribute.append(helper.make_attribute("opset", writing.opset))
        return made

    return writing.finish(result, make)


def _concat(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
    operands = [writing.operand(name) for name in node.input]
    result = writing.result(node.output[0])
    if result is None or any(operand is None for operand in operands):
        return None
    inputs = [*result.coded.terms, *(part for operand in operands if operand is not None for part in operand.triple)]
    return writing.finish(result, lambda codes: _node("QLinearConcat", inputs, [codes], node, domain=CONTRIB, keep=("axis",)))


def _movement(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
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


def _passes(writing: _Writing, data: Coded, result: Coded) -> bool:
    return writing.is_same(data.scale, result.scale) and writing.is_same(data.zero_point, result.zero_point)


def _pad(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
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


def _reading_codes(writing: _Writing, node: NodeProto) -> list[NodeProto] | None:
    """An index of the largest value is that of the largest code."""
    data = writing.operand(node.input[0])
    if data is None:
        return None
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.input[0] = data.codes
    return [copy]


_CONVERTERS: Mapping[str, _Converter] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Concat": _concat,
    "ArgMax": _reading_codes,
    **dict.fromkeys(_BY_OPERAND_PAIR, _two_operands),
    **dict.fromkeys(_BY_OPERAND, _one_operand),
}
