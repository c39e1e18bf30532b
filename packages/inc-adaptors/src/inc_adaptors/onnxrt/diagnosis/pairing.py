"""Which part of a quantized model does what one operator of the float model does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Self

import attrs
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

from inc_adaptors.onnxrt.diagnosis.unpack import plain_name
from inc_adaptors.onnxrt.kinds import ACTIVATIONS, PASSING

_PRODUCTS = frozenset(
    {
        "DynamicQuantizeMatMul",
        "FusedGemm",
        "FusedMatMul",
        "Gemm",
        "MatMul",
        "MatMulBnb4",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "MatMulNBits",
    }
)
_FAMILIES: Mapping[str, frozenset[str]] = {
    "Attention": frozenset({"Attention", "QAttention"}),
    "Conv": frozenset({"Conv", "ConvInteger", "FusedConv", "QLinearConv"}),
    "EmbedLayerNormalization": frozenset({"EmbedLayerNormalization", "QEmbedLayerNormalization"}),
    "Gather": frozenset({"Gather", "GatherBlockQuantized"}),
    "Gemm": _PRODUCTS,
    "LSTM": frozenset({"DynamicQuantizeLSTM", "LSTM"}),
    "MatMul": _PRODUCTS,
}
"""Types that do an operator's work, by its own."""

_HEAVY = frozenset().union(*_FAMILIES.values())

_CODED = frozenset(
    {
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "GatherBlockQuantized",
        "MatMulBnb4", "MatMulInteger", "MatMulIntegerToFloat", "MatMulNBits", "QAttention", "QEmbedLayerNormalization", "QLinearConv",
    }
)  # fmt: skip
"""Types that read codes: one of them makes a part quantized."""

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_MAKE_CODES = frozenset({"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QuantizeLinear"})
_BYTES = frozenset({TensorProto.INT8, TensorProto.UINT8})
_CODES_SUFFIX = "_quantized"  # what onnxruntime's tool appends to a tensor's name for its codes
_JOINED = frozenset({"Add", "BatchNormalization", "Clip", "LeakyRelu", "Mul", "Relu", "Sigmoid", "Tanh"})
_MOST_JOINED = 3
_MOST_NODES = 64
"""A part with more nodes than this is no operator's."""


@attrs.frozen(kw_only=True, eq=False)
class Pair:
    """One operator in both models.

    ``part`` are the nodes of the quantized model, in order, that make ``result`` from the tensors ``sources``, which are mapped to what
    they are in the float model; ``coded`` is the node among them that does the operator's work. ``exact_result`` is what ``result`` is in
    the float model: the operator's own output, or that of what follows it where the quantized model has both in one.
    """

    name: str
    exact: NodeProto
    exact_result: str
    coded: NodeProto
    result: str
    part: tuple[NodeProto, ...]
    sources: Mapping[str, str]


def pairs(reference: ModelProto, quantized: ModelProto) -> tuple[Pair, ...]:
    """Operators of the float model that the quantized one computes from codes, found by name or by result, in the float model's order."""
    inside = _Inside.of(quantized, reference)
    readers = _readers(reference)
    ends = {value.name for value in quantized.graph.output}.intersection(value.name for value in reference.graph.output)
    by_name = {plain_name(node.name): node for node in quantized.graph.node if node.name and node.op_type not in _CONVERSIONS}
    found = []
    for exact in reference.graph.node:
        if not exact.output or exact.op_type in _CONVERSIONS:
            continue
        named = by_name.get(exact.name)
        if exact.output[0] in ends:
            result = exact_result = exact.output[0]
        elif named is not None and named.op_type == exact.op_type and len(named.input) == len(exact.input):
            result, exact_result = named.output[0], exact.output[0]
        else:
            exact_result = _joined(exact, readers, inside.results)
            result = inside.results.get(exact_result, "")
        nodes, sources = inside.part(result, exact_result)
        types = {node.op_type for node in nodes}
        alike = [node for node in nodes if node.op_type in _FAMILIES.get(exact.op_type, {exact.op_type})]
        if exact.op_type not in _FAMILIES and not _HEAVY.isdisjoint(types):
            continue  # what is joined to another operator is part of that one
        if alike and not _CODED.isdisjoint(types):
            found.append(
                Pair(
                    name=exact.name or exact.output[0],
                    exact=exact,
                    exact_result=exact_result,
                    coded=alike[-1],
                    result=result,
                    part=nodes,
                    sources=sources,
                )
            )
    return tuple(found)


def constants_of(nodes: Iterable[NodeProto], known: Collection[str]) -> frozenset[str]:
    """``known`` and what nodes make of nothing else."""
    found = set(known)
    for node in nodes:
        if found.issuperset(filter(None, node.input)) and not _has_body(node):
            found.update(node.output)
    return frozenset(found)


@attrs.frozen(kw_only=True, eq=False)
class _Inside:
    """A quantized model from the inside: who makes a tensor, which are constant, which the float model has too, and the reverse."""

    makers: Mapping[str, NodeProto]
    constants: frozenset[str]
    exact_names: Mapping[str, str]
    results: Mapping[str, str]

    @classmethod
    def of(cls, quantized: ModelProto, reference: ModelProto) -> Self:
        initializers = {tensor.name for tensor in quantized.graph.initializer}
        same = _same_tensors(reference, quantized)
        return cls(
            makers={name: node for node in quantized.graph.node for name in node.output if name},
            constants=constants_of(quantized.graph.node, initializers),
            exact_names=same,
            results={exact: name for name, exact in reversed(same.items())},
        )

    def part(self, result: str, exact_result: str) -> tuple[tuple[NodeProto, ...], dict[str, str]]:
        """The nodes behind ``result`` back to other tensors of the float model, and those; nothing where they lead to none, or are too
        many."""
        if result not in self.makers or result in self.constants:
            return (), {}
        nodes: list[NodeProto] = []
        placed: set[int] = set()
        sources: dict[str, str] = {}
        waiting = [(result, False)]
        while waiting:
            name, is_ready = waiting.pop()
            node = self.makers.get(name)
            if name != result and self.exact_names.get(name, exact_result) != exact_result and name not in self.constants:
                sources[name] = self.exact_names[name]
            elif node is None:
                if name not in self.constants:
                    return (), {}
            elif id(node) in placed:
                continue
            elif is_ready:
                placed.add(id(node))
                nodes.append(node)
            elif _has_body(node) or len(nodes) > _MOST_NODES or len(waiting) > 4 * _MOST_NODES:
                return (), {}
            else:
                waiting.append((name, True))
                waiting += [(read, False) for read in reversed(node.input) if read]
        return (tuple(nodes), sources) if sources else ((), {})


def _same_tensors(reference: ModelProto, quantized: ModelProto) -> dict[str, str]:
    """Float tensors of the quantized model that the float model has: of the same name, made by the operator of the same name, or quantized
    to codes that are named after it."""
    constants = constants_of(reference.graph.node, {tensor.name for tensor in reference.graph.initializer})
    exact = {value.name for value in reference.graph.input} | {name for node in reference.graph.node for name in node.output if name}
    exact -= constants
    named = {node.name: node for node in reference.graph.node if node.name}
    makers = {name: node for node in reference.graph.node for name in node.output}
    codes = {tensor.name for tensor in quantized.graph.initializer if tensor.data_type in _BYTES}
    found = {value.name: value.name for value in quantized.graph.input if value.name in exact}
    for node in quantized.graph.node:
        if node.op_type in _MAKE_CODES or (node.op_type in PASSING and node.input and node.input[0] in codes):
            codes.update(node.output)
            source = node.output[0].removesuffix(_CODES_SUFFIX)
            if node.op_type == "QuantizeLinear" and source in exact:
                found.setdefault(node.input[0], source)
        elif node.op_type != "DequantizeLinear":  # what it makes is rounded: its readers' noise
            same = named.get(plain_name(node.name)) if node.name else None
            own = list(same.output) if same is not None and same.op_type == node.op_type else []
            for position, name in enumerate(node.output):
                real = own[position] if position < len(own) and own[position] in exact else name
                if real in exact and (name not in exact or _was_dropped(makers.get(name), real)):
                    found[name] = real
                elif name in exact:
                    found[name] = name
    return found


def _was_dropped(maker: NodeProto | None, source: str) -> bool:
    """Whether a tensor's name is that of an activation's result, which a quantizer's clamp stands for: what it holds is ``source``."""
    return maker is not None and maker.op_type in ACTIVATIONS and maker.input[0] == source


def _readers(model: ModelProto) -> dict[str, list[NodeProto]]:
    found: dict[str, list[NodeProto]] = {value.name: [NodeProto()] for value in model.graph.output}  # read from outside
    for node in model.graph.node:
        for name in node.input:
            found.setdefault(name, []).append(node)
    return found


def _joined(exact: NodeProto, readers: Mapping[str, list[NodeProto]], known: Collection[str]) -> str:
    """The operator's result, or that of the first operator behind it whose result the other model has: a bias, an activation."""
    name: str = exact.output[0]
    if exact.op_type in _FAMILIES:
        for _ in range(_MOST_JOINED):
            after = readers.get(name, [])
            if name in known or len(after) != 1 or after[0].op_type not in _JOINED:
                break
            name = after[0].output[0]
    return name


def _has_body(node: NodeProto) -> bool:
    return any(item.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for item in node.attribute)
