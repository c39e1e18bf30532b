"""Which operators of a model compute on integers."""

from __future__ import annotations

from onnx import ModelProto

from inc_adaptors.onnxrt.diagnosis.unpack import plain_name, unpacked

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_DYNAMIC = frozenset({"MatMulInteger", "ConvInteger", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "QAttention"})
_DYNAMIC_SUFFIX = "/matmul_integer"


def integer_operators(model: ModelProto) -> frozenset[str]:
    """Names, as the float model has them, of main-graph operators that read dequantized tensors or are integer operators themselves.

    Whether the runtime fuses them is not asked here; ``diagnose`` says that.
    """
    written_out = unpacked(model)
    dequantized = {node.output[0] for node in written_out.graph.node if node.op_type == "DequantizeLinear"}
    found = set()
    for node in written_out.graph.node:
        reads = node.op_type not in _CONVERSIONS and dequantized.intersection(node.input)
        if reads or node.op_type in _DYNAMIC or node.op_type.startswith("QLinear"):
            found.add(plain_name(node.name).removesuffix(_DYNAMIC_SUFFIX))
    return frozenset(found)
