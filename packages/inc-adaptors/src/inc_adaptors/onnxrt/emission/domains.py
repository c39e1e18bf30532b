"""Name the operator set that each Q and DQ belongs to: the standard one has 4 and 16 bits from operator set 21 on, onnxruntime's always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.emission.qdq import DEQUANTIZE, QUANTIZE, is_standard
from inc_adaptors.onnxrt.emission.qoperator import CONTRIB

_NEW_OPSET = 21
_NEW_TYPES = frozenset({TensorProto.INT4, TensorProto.UINT4, TensorProto.INT16, TensorProto.UINT16})


def in_domains(
    nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], *, opset: int, everywhere: bool = False
) -> list[NodeProto]:
    """The nodes, pairs that need it (or all, ``everywhere``) replaced by copies in onnxruntime's domain."""

    def placed(node: NodeProto) -> NodeProto:
        if not is_standard(node, QUANTIZE, DEQUANTIZE) or not (everywhere or _is_new(node)):
            return node
        copy = NodeProto()
        copy.CopyFrom(node)
        copy.domain = CONTRIB
        return copy

    def _is_new(node: NodeProto) -> bool:
        zero = initializers.get(node.input[2]) if len(node.input) > 2 else None
        return opset < _NEW_OPSET and zero is not None and zero.data_type in _NEW_TYPES

    return [placed(node) for node in nodes]
