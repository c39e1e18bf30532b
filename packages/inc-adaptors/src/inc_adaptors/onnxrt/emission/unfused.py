"""Keep onnxruntime from computing on integers what a plan leaves in float.

When it loads a model, onnxruntime rounds the float weights of every Conv, ConvTranspose and Gemm between a DequantizeLinear and a
QuantizeLinear (a Relu or Clip in between does not matter) to 8 bits with one scale for all channels, and runs the integer kernel: worse
than the integers that the plan avoided. It does so only behind a DequantizeLinear with a single scale. So such an operator reads the same
codes through a DequantizeLinear of its own that repeats the scale for every channel: the same floats, bit by bit.

Source:
    onnxruntime, core/optimizer/qdq_transformer/weight_bias_quantization.cc (since version 1.21).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from inc_config.dtypes import PerChannel
from onnx import NodeProto, TensorProto, numpy_helper

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.parts import dequantize_node
from inc_adaptors.onnxrt.emission.qdq import DEQUANTIZE, QUANTIZE, is_standard, without_unread
from inc_adaptors.onnxrt.graph import attribute
from inc_adaptors.onnxrt.tensors import to_array

_TYPES = frozenset({"Conv", "ConvTranspose", "Gemm"})
_PASSED = frozenset({"Relu", "Clip"})


def keep_float(
    nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], pinned: frozenset[str], names: Names
) -> tuple[Sequence[NodeProto], Mapping[str, TensorProto]]:
    """Give float operators that onnxruntime would round a DequantizeLinear per channel; those that read the same codes share it.

    ``pinned`` are tensors that are read from outside. The nodes given stay as they are.
    """
    suspects = [place for place, node in enumerate(nodes) if node.op_type in _TYPES and _is_float(initializers.get(node.input[1]))]
    if not suspects:
        return nodes, initializers
    dequantizers = {node.output[0]: node for node in nodes if is_standard(node, DEQUANTIZE)}
    readers: dict[str, list[NodeProto]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    repeats = _Repeats(initializers, names)
    replaced: dict[int, tuple[NodeProto, ...]] = {}
    for place in suspects:
        source = dequantizers.get(nodes[place].input[0])
        if source is None or len(initializers[source.input[1]].dims) or not _ends_in_codes(nodes[place], readers, pinned):
            continue
        reader = NodeProto()
        reader.CopyFrom(nodes[place])
        reader.input[0], added = repeats.of(source, *_channels(reader, initializers[reader.input[1]]))
        replaced[place] = (*added, reader)
    if not replaced:
        return nodes, initializers
    written = [each for place, node in enumerate(nodes) for each in replaced.get(place, (node,))]
    return without_unread(written, pinned), {**initializers, **repeats.arrays}


class _Repeats:
    """DequantizeLinear nodes that repeat another one's scale and zero point for every channel; ``arrays`` holds these."""

    def __init__(self, initializers: Mapping[str, TensorProto], names: Names) -> None:
        self._initializers = initializers
        self._names = names
        self._made: set[str] = set()
        self.arrays: dict[str, TensorProto] = {}

    def of(self, source: NodeProto, axis: int, channels: int) -> tuple[str, tuple[NodeProto, ...]]:
        """The floats' name, and the node that makes them where nobody asked for it before."""
        result = self._names.of(f"{source.output[0]}_by_channel", (axis, channels))
        if result in self._made:
            return result, ()
        self._made.add(result)
        inputs = [source.input[0], *(self._repeated(name, channels) for name in source.input[1:])]
        name = self._names.of(f"{result}_dequantize", (axis, channels))
        return result, (dequantize_node(inputs, result, name, PerChannel(axis)),)

    def _repeated(self, name: str, channels: int) -> str:
        own = self._names.of(f"{name}_by_channel", channels)
        self.arrays[own] = numpy_helper.from_array(np.repeat(to_array(self._initializers[name]), channels), own)
        return own


def _ends_in_codes(node: NodeProto, readers: Mapping[str, Sequence[NodeProto]], pinned: frozenset[str]) -> bool:
    """Whether nothing but activations lies between a node and a QuantizeLinear."""
    while True:
        found = readers.get(node.output[0], ())
        if len(found) != 1 or node.output[0] in pinned:
            return False
        if is_standard(found[0], QUANTIZE):
            return True
        if found[0].op_type not in _PASSED:
            return False
        node = found[0]


def _channels(node: NodeProto, weight: TensorProto) -> tuple[int, int]:
    """The axis of the operator's first input that its weight sums over, and how long it is."""
    if node.op_type == "Gemm":
        return 0 if attribute(node, "transA", 0) else 1, weight.dims[1 if attribute(node, "transB", 0) else 0]
    if node.op_type == "ConvTranspose":
        return 1, weight.dims[0]
    return 1, weight.dims[1] * attribute(node, "group", 1)


def _is_float(tensor: TensorProto | None) -> bool:
    return tensor is not None and tensor.data_type == TensorProto.FLOAT
