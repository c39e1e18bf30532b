"""Which operators of a model compute on integers."""

from __future__ import annotations

from onnx import ModelProto, NodeProto, TensorProto

from inc_adaptors.onnxrt.diagnosis.unpack import plain_name, unpacked
from inc_adaptors.onnxrt.graph import reads_of
from inc_adaptors.onnxrt.kinds import ACTIVATIONS, COMPUTING, CONTRIB_DOMAIN, PASSING, READING, STANDARD_DOMAINS, WEIGHTED
from inc_adaptors.onnxrt.tensors import raw_bytes

_WHOLE = frozenset(
    {
        "ConvInteger", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulInteger", "MatMulIntegerToFloat", "QAttention",
        "QEmbedLayerNormalization",
    }
)  # fmt: skip
_PRODUCTS = WEIGHTED | {"Attention", "ConvTranspose"}
_COMPUTING = COMPUTING | {"Softmax", "Where"}
_CARRYING = frozenset({"MaxPool", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"})
"""Over these onnxruntime and OpenVINO carry a pair to the other side."""
_DYNAMIC_SUFFIXES = ("/matmulinteger", "/convinteger")
_BYTES = (TensorProto.INT8, TensorProto.UINT8)

_Terms = tuple[str | bytes, ...]


def integer_operators(model: ModelProto) -> frozenset[str]:
    """Names, as the float model has them, of main-graph operators that have an integer form and stand among codes as that form needs.

    A product needs both operands from codes; others every operand, and their results as codes too, in the same scale where they pass codes
    on; behind some of these runtimes put the missing pair themselves, where all who read them have an integer form. What stands between
    two pairs and has no integer form, as HardSwish, computes in float. Whether the runtime fuses the rest is not asked here; ``diagnose``
    says that.
    """
    written_out = unpacked(model)
    among = _Among(written_out)
    codes = {tensor.name for tensor in model.graph.initializer if tensor.data_type in _BYTES}
    found = set()
    for node in written_out.graph.node:
        is_integer = node.op_type.startswith("QLinear") or node.op_type in _WHOLE
        moves_codes = node.op_type in PASSING | READING and node.input[0] in codes
        if node.op_type == "QuantizeLinear" or is_integer or (moves_codes and node.op_type not in READING):
            codes.update(node.output)
        if is_integer or moves_codes or among.stands(node):
            found.add(_float_name(node))
    return frozenset(found)


class _Among:
    """The pairs of a model: what was dequantized how, and how what is made becomes codes again."""

    def __init__(self, model: ModelProto) -> None:
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        nodes = model.graph.node
        self._from: dict[str, _Terms] = {}
        self._readers: dict[str, list[NodeProto]] = {}
        for node in nodes:
            for name in reads_of(node):
                self._readers.setdefault(name, []).append(node)
            if node.op_type == "DequantizeLinear":
                self._from[node.output[0]] = self._terms(node)
            elif node.op_type in _CARRYING and node.input[0] in self._from:
                self._from.update(dict.fromkeys(filter(None, node.output), self._from[node.input[0]]))
        self._outputs = frozenset(value.name for value in model.graph.output)
        self._into = self._quantized(model)

    def stands(self, node: NodeProto) -> bool:
        """Whether an operator with an integer form has the pairs around it that its form needs."""
        if node.domain not in (*STANDARD_DOMAINS, CONTRIB_DOMAIN) or not node.input:
            return False
        if node.op_type in _PRODUCTS:
            return self._from.keys() >= set(node.input[:2])
        if node.op_type in READING:
            return node.input[0] in self._from
        if node.op_type in PASSING:
            terms = self._from.get(node.input[0])
            return terms is not None and all(
                self._into.get(name) == frozenset({terms}) or self._is_carried(node, name) for name in node.output if name
            )
        operands = {name for name in node.input[node.op_type == "Where" :] if name}
        return node.op_type in _COMPUTING and self._from.keys() >= operands and all(self._into.get(name) for name in node.output if name)

    def _is_carried(self, node: NodeProto, name: str) -> bool:
        readers = self._readers.get(name, [])
        return node.op_type in _CARRYING and name not in self._outputs and bool(readers) and all(map(self.stands, readers))

    def _terms(self, node: NodeProto) -> _Terms:
        """Scale and zero point by value where they are constants, else by name."""
        held = [self._constants.get(name) for name in node.input[1:3]]
        return tuple(name if tensor is None else raw_bytes(tensor) for name, tensor in zip(node.input[1:3], held, strict=True))

    def _quantized(self, model: ModelProto) -> dict[str, frozenset[_Terms]]:
        """For each tensor the terms its readers quantize it with, behind an activation too; empty where one of them does not."""
        found: dict[str, frozenset[_Terms]] = {value.name: frozenset() for value in model.graph.output}
        for node in reversed(model.graph.node):
            own = frozenset({self._terms(node)}) if node.op_type == "QuantizeLinear" else frozenset()
            behind = found.get(node.output[0], own) if node.op_type in ACTIVATIONS else own
            for name in reads_of(node):
                before = found.get(name)
                found[name] = behind if before is None else before | behind if before and behind else frozenset()
        return found


def _float_name(node: NodeProto) -> str:
    name = plain_name(node.name)
    return next((name.removesuffix(suffix) for suffix in _DYNAMIC_SUFFIXES if name.endswith(suffix)), name)
