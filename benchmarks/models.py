"""Models with random weights in the shapes of well-known ones: enough to measure speed and memory, useless for accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

Array = NDArray[Any]

VOCABULARY = 30522
_OPSET = 17
_STAGES = ((64, 256, 3), (128, 512, 4), (256, 1024, 6), (512, 2048, 3))  # middle channels, outer channels, blocks
_INVERTED = (  # widening, outer channels, blocks, first stride
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
)  # fmt: skip


class _Network:
    """Nodes and weights of a growing graph; each method returns the tensor it made."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[TensorProto] = []

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op_type}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op_type, list(inputs), [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"

    def weight(self, shape: tuple[int, ...], scale: float) -> str:
        name = f"weight_{len(self._weights)}"
        array = self._rng.standard_normal(shape, np.float32) * np.float32(scale)
        self._weights.append(numpy_helper.from_array(array, name))
        return name

    def constant(self, array: Array) -> str:
        """A weight of given values."""
        name = f"constant_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, x: str, inside: int, out: int, size: int, stride: int = 1, *, group: int = 1) -> str:
        """A convolution as exporters leave it after folding BatchNormalization: with a bias and outputs of about unit variance."""
        weight = self.weight((out, inside // group, size, size), (1.4 / (inside // group * size * size)) ** 0.5)
        bias = self.weight((out,), 0.1)
        return self.node("Conv", x, weight, bias, kernel_shape=[size, size], strides=[stride, stride], pads=[size // 2] * 4, group=group)

    def linear(self, x: str, inside: int, out: int) -> str:
        """A matrix product over the last axis, and its bias."""
        return self.node("Add", self.node("MatMul", x, self.weight((inside, out), inside**-0.5)), self.weight((out,), 0.1))

    def norm(self, x: str, width: int) -> str:
        """LayerNormalization with random scales and biases."""
        scale = self.constant(self._rng.uniform(0.5, 1.5, width).astype(np.float32))
        return self.node("LayerNormalization", x, scale, self.weight((width,), 0.1), axis=-1, epsilon=1e-5)

    def model(
        self, x: str, out: str, outputs: tuple[int | str, ...], *, inputs: tuple[int | str, ...] = ("n", 3, 224, 224),
        input_type: int = TensorProto.FLOAT,
    ) -> ModelProto:  # fmt: skip
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(x, input_type, list(inputs))],
            [helper.make_tensor_value_info(out, TensorProto.FLOAT, list(outputs))],
            self._weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)


def resnet50(*, seed: int = 0) -> ModelProto:
    """ResNet-50: 53 convolutions, 16 residual additions and a Gemm over 224x224 images, 25.5 million weights.

    Source:
        He et al., CVPR 2016, arXiv:1512.03385, table 1.
    """
    net = _Network(seed)
    y = net.node("Relu", net.conv("x", 3, 64, 7, 2))
    y = net.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inside = 64
    for stage, (middle, outer, blocks) in enumerate(_STAGES):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            left = net.node("Relu", net.conv(y, inside, middle, 1))
            left = net.node("Relu", net.conv(left, middle, middle, 3, stride))
            left = net.conv(left, middle, outer, 1)
            right = y if block else net.conv(y, inside, outer, 1, stride)
            y = net.node("Relu", net.node("Add", left, right))
            inside = outer
    y = net.node("Flatten", net.node("GlobalAveragePool", y))
    y = net.node("Gemm", y, net.weight((1000, 2048), 0.02), net.weight((1000,), 0.1), transB=1)
    return net.model("x", y, ("n", 1000))


def mobilenet_v2(*, seed: int = 0) -> ModelProto:
    """MobileNetV2: 52 convolutions, 17 of them depthwise, with Clip to [0, 6], and a Gemm over 224x224 images, 3.5 million weights.

    Source:
        Sandler et al., CVPR 2018, arXiv:1801.04381, table 2.
    """
    net = _Network(seed)
    bounds = [net.constant(np.array(bound, np.float32)) for bound in (0.0, 6.0)]

    def clipped(y: str) -> str:
        return net.node("Clip", y, *bounds)

    y = clipped(net.conv("x", 3, 32, 3, 2))
    inside = 32
    for widen, out, blocks, first_stride in _INVERTED:
        for block in range(blocks):
            stride = 1 if block else first_stride
            wide = inside * widen
            z = clipped(net.conv(y, inside, wide, 1)) if widen > 1 else y
            z = clipped(net.conv(z, wide, wide, 3, stride, group=wide))
            z = net.conv(z, wide, out, 1)
            y = net.node("Add", y, z) if stride == 1 and inside == out else z
            inside = out
    y = clipped(net.conv(y, inside, 1280, 1))
    y = net.node("Flatten", net.node("GlobalAveragePool", y))
    y = net.node("Gemm", y, net.weight((1000, 1280), 0.02), net.weight((1000,), 0.1), transB=1)
    return net.model("x", y, ("n", 1000))


def bert_base(*, seed: int = 0, layers: int = 12, width: int = 768, heads: int = 12, length: int = 128) -> ModelProto:
    """BERT-base's encoder and classifier as exporters write it: post-norm, GELU over Erf; tokens (n, length) to 2 logits.

    85 million weights in matrix products and 23 million in the embedding.

    Source:
        Devlin et al., NAACL 2019, arXiv:1810.04805, section 3.
    """
    net = _Network(seed)
    apart = net.constant(np.array([0, length, heads, width // heads], np.int64))
    together = net.constant(np.array([0, length, width], np.int64))
    scale, root, one, half = (net.constant(np.array(v, np.float32)) for v in ((width // heads) ** -0.5, 2**0.5, 1.0, 0.5))

    def split(y: str, perm: list[int]) -> str:
        return net.node("Transpose", net.node("Reshape", y, apart), perm=perm)

    y = net.node("Gather", net.weight((VOCABULARY, width), 0.5), "x")
    y = net.norm(net.node("Add", y, net.weight((length, width), 0.5)), width)
    for _ in range(layers):
        q, k, v = (split(net.linear(y, width, width), perm) for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
        seen = net.node("MatMul", net.node("Softmax", net.node("Mul", net.node("MatMul", q, k), scale), axis=-1), v)
        joined = net.node("Reshape", net.node("Transpose", seen, perm=[0, 2, 1, 3]), together)
        y = net.norm(net.node("Add", net.linear(joined, width, width), y), width)
        z = net.linear(y, width, 4 * width)
        gate = net.node("Add", net.node("Erf", net.node("Div", z, root)), one)
        z = net.node("Mul", net.node("Mul", z, gate), half)
        y = net.norm(net.node("Add", net.linear(z, 4 * width, width), y), width)
    first = net.node("Gather", y, net.constant(np.array(0, np.int64)), axis=1)
    y = net.node("Tanh", net.node("Gemm", first, net.weight((width, width), width**-0.5), net.weight((width,), 0.1), transB=1))
    y = net.node("Gemm", y, net.weight((2, width), width**-0.5), net.weight((2,), 0.1), transB=1)
    return net.model("x", y, ("n", 2), inputs=("n", length), input_type=TensorProto.INT64)


def token_rows(count: int, *, seed: int = 1, length: int = 128) -> list[Array]:
    """Batches of one sequence of random tokens each."""
    rng = np.random.default_rng(seed)
    return [rng.integers(VOCABULARY, size=(1, length)) for _ in range(count)]


def images(count: int, *, seed: int = 1) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """Batches of one normalized image of 224x224 each."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((1, 3, 224, 224), np.float32) for _ in range(count)]
