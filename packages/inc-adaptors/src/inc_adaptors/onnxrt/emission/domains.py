"""Name the operator set that each Q and DQ belongs to.

The standard one has 4 and 16 bits from operator set 21 on, onnxruntime's always. From set 21 on a standard pair of int8 codes beside a
Transpose or Reshape is one that onnxruntime 1.31 cannot load: it moves the pair, notes the type int8 on the new QuantizeLinear, then turns
its zero point into uint8 and finds the two at odds. Pairs of its own set carry no such note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inc_config.target import Runtime
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.emission.qdq import DEQUANTIZE, QUANTIZE, is_standard
from inc_adaptors.onnxrt.emission.qoperator import CONTRIB

_NEW_OPSET = 21
_NEW_TYPES = frozenset({TensorProto.INT4, TensorProto.UINT4, TensorProto.INT16, TensorProto.UINT16})


def in_domains(
    nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], *, opset: int, runtime: Runtime, everywhere: bool = False
) -> list[NodeProto]:
    """The nodes, pairs that need it for ``runtime`` (or all, ``everywhere``) replaced by copies in onnxruntime's domain."""

    def placed(node: NodeProto) -> NodeProto:
        if not is_standard(node, QUANTIZE, DEQUANTIZE) or not (everywhere or needs_contrib(node)):
            return node
        copy = NodeProto()
        copy.CopyFrom(node)
        copy.domain = CONTRIB
        return copy

    def needs_contrib(node: NodeProto) -> bool:
        zero = initializers.get(node.input[2]) if len(node.input) > 2 else None
        if zero is None or opset < _NEW_OPSET:
            return zero is not None and zero.data_type in _NEW_TYPES
        return runtime is Runtime.ONNXRUNTIME and zero.data_type == TensorProto.INT8 and node.input[0] not in initializers

    return [placed(node) for node in nodes]
