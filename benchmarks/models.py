"""Models with random weights in the shapes of well-known ones: enough to measure speed and memory, useless for accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

_OPSET = 17
_STAGES = ((64, 256, 3), (128, 512, 4), (256, 1024, 6), (512, 2048, 3))  # middle channels, outer channels, blocks


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

    def conv(self, x: str, inside: int, out: int, size: int, stride: int = 1) -> str:
        """A convolution as exporters leave it after folding BatchNormalization: with a bias and outputs of about unit variance."""
        weight = self.weight((out, inside, size, size), (1.4 / (inside * size * size)) ** 0.5)
        bias = self.weight((out,), 0.1)
        return self.node("Conv", x, weight, bias, kernel_shape=[size, size], strides=[stride, stride], pads=[size // 2] * 4)

    def model(self, x: str, out: str, classes: int) -> ModelProto:
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", 3, 224, 224])],
            [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["n", classes])],
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
    return net.model("x", y, 1000)


def images(count: int, *, seed: int = 1) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """Batches of one normalized image of 224x224 each."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((1, 3, 224, 224), np.float32) for _ in range(count)]
