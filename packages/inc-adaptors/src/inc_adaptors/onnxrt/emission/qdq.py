"""A QDQ graph as one reads it: which tensors are codes, and which quantizer alone reads a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.graph import attribute
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
EIGHT_BITS = (TensorProto.UINT8, TensorProto.INT8)


@attrs.frozen(kw_only=True)
class Coded:
    """Names of codes, scale and zero point; ``axis`` is None for one scale per tensor."""

    codes: str
    scale: str
    zero_point: str
    axis: int | None = None

    @property
    def triple(self) -> list[str]:
        """As integer operators take an operand: codes, scale, zero point."""
        return [self.codes, self.scale, self.zero_point]

    @property
    def terms(self) -> list[str]:
        """As integer operators take their result's: scale, zero point."""
        return [self.scale, self.zero_point]


class Qdq:
    """Nodes and initializers of one emission, indexed."""

    def __init__(self, nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], pinned: frozenset[str]) -> None:
        self.initializers = initializers
        self.pinned = pinned
        self.readers: dict[str, list[NodeProto]] = {}
        self._dequantizers: dict[str, NodeProto] = {}
        for node in nodes:
            for name in node.input:
                if name:
                    self.readers.setdefault(name, []).append(node)
            if is_standard(node, DEQUANTIZE):
                self._dequantizers[node.output[0]] = node

    def dequantized(self, name: str) -> Coded | None:
        """What a tensor was dequantized from; None where it was not, or from other than 8-bit codes."""
        node = self._dequantizers.get(name)
        return None if node is None else self._coded(node, node.input[0])

    def bias(self, name: str) -> str | None:
        """The int32 constant that a tensor was dequantized from."""
        node = self._dequantizers.get(name)
        tensor = None if node is None else self.initializers.get(node.input[0])
        return None if tensor is None or tensor.data_type != TensorProto.INT32 else tensor.name

    def quantized(self, name: str) -> list[NodeProto]:
        """The quantizers of a tensor if nobody but them reads it and all make the same codes; else none."""
        readers = self.readers.get(name, [])
        if name in self.pinned or not readers or not all(is_standard(reader, QUANTIZE) for reader in readers):
            return []
        alike = len({tuple(reader.input) for reader in readers}) == 1
        return readers if alike and self._coded(readers[0], readers[0].output[0]) is not None else []

    def only_reader(self, name: str) -> NodeProto | None:
        """The one node that reads a tensor, where nobody else does."""
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.pinned else None

    def coded(self, quantizer: NodeProto) -> Coded:
        """The codes that one of ``quantized`` makes."""
        return Coded(codes=quantizer.output[0], scale=quantizer.input[1], zero_point=quantizer.input[2])

    def _coded(self, node: NodeProto, codes: str) -> Coded | None:
        zero = self.initializers.get(node.input[2]) if len(node.input) > 2 else None
        scale = self.initializers.get(node.input[1])
        if zero is None or scale is None or zero.data_type not in EIGHT_BITS:
            return None
        axis = attribute(node, "axis", 1) if len(scale.dims) else None
        return Coded(codes=codes, scale=scale.name, zero_point=zero.name, axis=axis)


def is_standard(node: NodeProto, *types: str) -> bool:
    """Whether a node is one of these operators of the standard domain."""
    return node.op_type in types and node.domain in STANDARD_DOMAINS


def without_unread(nodes: Sequence[NodeProto], pinned: frozenset[str]) -> list[NodeProto]:
    """Drop quantizers and dequantizers whose results nobody reads."""
    read = set(pinned)
    kept: list[NodeProto] = []
    for node in reversed(nodes):
        if not is_standard(node, QUANTIZE, DEQUANTIZE) or read.intersection(node.output):
            read.update(node.input)
            kept.append(node)
    return kept[::-1]
