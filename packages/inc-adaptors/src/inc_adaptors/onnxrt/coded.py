"""The weighted operators of a QDQ model, whichever tool made it: where their codes, scales and weights are."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto

from inc_adaptors.onnxrt.graph import attribute
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS, WEIGHTED
from inc_adaptors.onnxrt.tensors import to_array


@attrs.frozen(kw_only=True, eq=False)
class CodedOperator:
    """A Conv, MatMul or Gemm between uint8 codes and int8 weights.

    ``source`` names the tensor of codes; ``weights`` are codes of the weight's own shape; ``steps`` is input scale times weight scale,
    shape () or one per output channel.
    """

    node: NodeProto
    source: str
    weights: NDArray[np.int8]
    steps: NDArray[np.float32]

    @property
    def name(self) -> str:
        """The node's name, or its output's where it has none."""
        return str(self.node.name or self.node.output[0])


def coded_operators(model: ModelProto) -> tuple[CodedOperator, ...]:
    """Every weighted operator of the main graph whose input is dequantized uint8 and whose weight is a dequantized int8 constant."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    found = (_coded(node, makers, constants) for node in model.graph.node)
    return tuple(operator for operator in found if operator is not None)


def _coded(node: NodeProto, makers: Mapping[str, NodeProto], constants: Mapping[str, TensorProto]) -> CodedOperator | None:
    if node.domain not in STANDARD_DOMAINS or node.op_type not in WEIGHTED or len(node.input) < 2:
        return None
    data, weight = (makers.get(name) for name in node.input[:2])
    if data is None or weight is None or {data.op_type, weight.op_type} != {"DequantizeLinear"} or data.input[0] in constants:
        return None
    codes, zero = constants.get(weight.input[0]), constants.get(data.input[2] if len(data.input) > 2 else "")
    scales = [constants.get(item.input[1]) for item in (data, weight)]
    if codes is None or codes.data_type != TensorProto.INT8 or any(scale is None for scale in scales):
        return None
    if zero is not None and zero.data_type != TensorProto.UINT8:
        return None
    input_scale, weight_scale = (np.asarray(to_array(scale), np.float32) for scale in scales if scale is not None)
    if input_scale.size != 1:
        return None
    steps = np.asarray(input_scale.reshape(()) * (weight_scale.reshape(()) if weight_scale.size == 1 else weight_scale), np.float32)
    return CodedOperator(node=node, source=data.input[0], weights=to_array(codes), steps=steps)


def rows_of(operator: CodedOperator, codes: NDArray[np.uint8]) -> list[tuple[NDArray[np.uint8], NDArray[np.int8]]]:
    """The operator as matrix products, one per group: codes (M, K) and weights (K, N) with neighbouring input channels as pairs."""
    if operator.node.op_type != "Conv":
        weights = operator.weights.T if operator.node.op_type == "Gemm" and attribute(operator.node, "transB", 0) else operator.weights
        return [_even(codes.reshape(-1, codes.shape[-1]), weights)]
    groups = attribute(operator.node, "group", 1)
    patches = _patches(operator, codes)  # (n, c, *out, *kernel)
    spatial = codes.ndim - 2
    made = []
    inside, out = codes.shape[1] // groups, operator.weights.shape[0] // groups
    for group in range(groups):
        part = patches[:, group * inside : (group + 1) * inside]
        taps = operator.weights[group * out : (group + 1) * out]
        if inside % 2:  # kernels fill up the channels of each tap with zeros
            part = np.pad(part, [(0, 0), (0, 1)] + [(0, 0)] * (2 * spatial))
            taps = np.pad(taps, [(0, 0), (0, 1)] + [(0, 0)] * spatial)
        rows = np.moveaxis(part, 1, -1).reshape(-1, part.shape[1] * int(np.prod(part.shape[2 + spatial :])))
        made.append((rows, np.moveaxis(taps, 1, -1).reshape(out, -1).T))
    return made


def from_rows(operator: CodedOperator, codes: NDArray[np.uint8], made: list[NDArray[np.int32]]) -> NDArray[np.float32]:
    """Results of ``rows_of``'s products, (M, N) each, in real numbers and in the shape of the operator's output."""
    if operator.node.op_type != "Conv":
        return np.asarray(made[0] * operator.steps, np.float32).reshape(*codes.shape[:-1], -1)
    joined = np.asarray(np.concatenate(made, axis=1) * operator.steps, np.float32)
    spatial = _patches(operator, codes[:1, :1]).shape[2 : 2 + codes.ndim - 2]
    return np.moveaxis(joined.reshape(codes.shape[0], *spatial, -1), -1, 1)


def _even(rows: NDArray[np.uint8], weights: NDArray[np.int8]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    odd = rows.shape[1] % 2
    return np.pad(rows, [(0, 0), (0, odd)]), np.pad(weights, [(0, odd), (0, 0)])


def _patches(operator: CodedOperator, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What each output position of a convolution sees, shape (n, c, *out, *kernel); padding holds the code 0."""
    spatial = codes.ndim - 2
    kernel = operator.weights.shape[2:]
    strides = attribute(operator.node, "strides", (1,) * spatial)
    dilations = attribute(operator.node, "dilations", (1,) * spatial)
    pads = _pads(operator, codes.shape[2:], strides, dilations)
    padded = np.pad(codes, [(0, 0), (0, 0), *pads])
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(2, 2 + spatial)))
    return windows[(slice(None), slice(None), *(slice(None, None, s) for s in strides), *(slice(None, None, d) for d in dilations))]


def _pads(operator: CodedOperator, sizes: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]) -> list[tuple[int, int]]:
    mode = attribute(operator.node, "auto_pad", "NOTSET")
    if mode in ("NOTSET", "VALID"):
        given = attribute(operator.node, "pads", (0,) * 2 * len(sizes)) if mode == "NOTSET" else (0,) * 2 * len(sizes)
        return list(zip(given[: len(sizes)], given[len(sizes) :], strict=True))
    found = []
    for size, kernel, stride, dilation in zip(sizes, operator.weights.shape[2:], strides, dilations, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size)
        small = total // 2
        found.append((small, total - small) if mode == "SAME_UPPER" else (total - small, small))
    return found
