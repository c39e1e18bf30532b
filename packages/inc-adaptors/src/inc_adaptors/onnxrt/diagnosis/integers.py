"""Which operators of a model compute on integers."""

from __future__ import annotations

from onnx import ModelProto, TensorProto

from inc_adaptors.onnxrt.diagnosis.unpack import plain_name, unpacked
from inc_adaptors.onnxrt.kinds import PASSING, READING

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_WHOLE = frozenset(
    {
        "ConvInteger", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulInteger", "MatMulIntegerToFloat", "QAttention",
        "QEmbedLayerNormalization",
    }
)  # fmt: skip
_DYNAMIC_SUFFIX = "/matmul_integer"
_BYTES = (TensorProto.INT8, TensorProto.UINT8)


def integer_operators(model: ModelProto) -> frozenset[str]:
    """Names, as the float model has them, of main-graph operators that read codes or dequantized tensors, or are integer operators.

    Whether the runtime fuses them is not asked here; ``diagnose`` says that.
    """
    written_out = unpacked(model)
    dequantized = {node.output[0] for node in written_out.graph.node if node.op_type == "DequantizeLinear"}
    codes = {tensor.name for tensor in model.graph.initializer if tensor.data_type in _BYTES}
    found = set()
    for node in written_out.graph.node:
        is_integer = node.op_type.startswith("QLinear")
        moves_codes = node.op_type in PASSING | READING and node.input[0] in codes
        if node.op_type == "QuantizeLinear" or is_integer or (moves_codes and node.op_type not in READING):
            codes.update(node.output)
        reads = node.op_type not in _CONVERSIONS and dequantized.intersection(node.input)
        if reads or is_integer or moves_codes or node.op_type in _WHOLE:
            found.add(plain_name(node.name).removesuffix(_DYNAMIC_SUFFIX))
    return frozenset(found)
