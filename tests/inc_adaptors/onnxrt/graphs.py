"""Small float models built node by node, with seeded weights: what the tests of the ONNX Runtime adaptor run on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

OPSET = 17


class Builder:
    """Collects nodes and initializers; every method returns the name of the tensor it made."""

    def __init__(self, *, seed: int = 0, opset: int = OPSET, named: bool = True) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.named = named
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.count = 0

    def input(self, name: str, shape: list[Any], dtype: int = TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def constant(self, array: Any, name: str = "") -> str:
        self.count += 1
        name = name or f"c{self.count}"
        self.initializers[name] = numpy_helper.from_array(np.asarray(array), name)
        return name

    def node(self, op_type: str, *inputs: str, outputs: int = 1, name: str = "", domain: str = "", **attributes: Any) -> Any:
        name = name or f"{op_type.lower()}_{len(self.nodes)}"
        names = [f"{name}_out{'' if i == 0 else i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op_type, list(inputs), names, name=name if self.named else "", domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def normal(self, *shape: int, fan: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
        return (self.rng.standard_normal(shape) * np.sqrt(2.0 / max(fan, 1))).astype(np.float32)

    def conv(
        self, x: str, inside: int, out: int, *, k: int = 3, group: int = 1, bias: bool = True, name: str = "", **attributes: Any
    ) -> str:
        weight = self.constant(self.normal(out, inside // group, k, k, fan=inside // group * k * k))
        inputs = [x, weight, *([self.constant(self.normal(out) * 0.1)] if bias else [])]
        attributes = {"pads": [k // 2] * 4, "kernel_shape": [k, k], "group": group, **attributes}
        return str(self.node("Conv", *inputs, name=name, **attributes))

    def batch_norm(self, x: str, channels: int) -> str:
        def vector(low: float, high: float) -> str:
            return self.constant(self.rng.uniform(low, high, channels).astype(np.float32))

        return str(self.node("BatchNormalization", x, vector(0.7, 1.3), vector(-0.3, 0.3), vector(-0.2, 0.2), vector(0.5, 1.5)))

    def clip6(self, x: str) -> str:
        return str(self.node("Clip", x, self.constant(np.float32(0.0)), self.constant(np.float32(6.0))))

    def linear(self, x: str, inside: int, out: int, *, bias: bool = True, name: str = "") -> str:
        """MatMul and Add, as exporters write a linear layer on tensors of three axes."""
        y = self.node("MatMul", x, self.constant(self.normal(inside, out, fan=2 * inside)), name=name)
        return str(self.node("Add", y, self.constant(self.normal(out) * 0.1))) if bias else str(y)

    def gemm(self, x: str, inside: int, out: int, *, name: str = "") -> str:
        return str(
            self.node(
                "Gemm", x, self.constant(self.normal(out, inside, fan=inside)), self.constant(self.normal(out) * 0.1), transB=1, name=name
            )
        )

    def model(self, *outputs: tuple[str, list[Any]]) -> ModelProto:
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs]
        graph = helper.make_graph(self.nodes, "graph", self.inputs, results, list(self.initializers.values()))
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="test")
        onnx.checker.check_model(model)
        return model


def resnet(*, seed: int = 0, batch_norm: bool = True, opset: int = OPSET, named: bool = True) -> ModelProto:
    """Two residual blocks, one with a projection, pooling and a Gemm head: 3x16x16 to 10 classes."""
    b = Builder(seed=seed, opset=opset, named=named)

    def conv(x: str, inside: int, out: int, **options: Any) -> str:
        y = b.conv(x, inside, out, bias=not batch_norm, **options)
        return b.batch_norm(y, out) if batch_norm else y

    x = b.input("x", ["n", 3, 16, 16])
    y = b.node("Relu", conv(x, 3, 16))
    y = b.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    for inside, out, stride in ((16, 16, 1), (16, 32, 2)):
        left = b.node("Relu", conv(y, inside, out, strides=[stride, stride]))
        left = conv(left, out, out)
        right = y if inside == out else conv(y, inside, out, k=1, strides=[stride, stride])
        y = b.node("Relu", b.node("Add", left, right))
    y = b.node("Flatten", b.node("GlobalAveragePool", y))
    return b.model((b.gemm(y, 32, 10), ["n", 10]))


def depthwise(*, seed: int = 0, width: int = 16) -> ModelProto:
    """Two inverted residual blocks with ReLU6, as in MobileNetV2: 3x16x16 to 10 classes."""
    b = Builder(seed=seed)
    y = b.clip6(b.conv(b.input("x", ["n", 3, 16, 16]), 3, width, strides=[2, 2]))
    for _ in range(2):
        wide = b.clip6(b.conv(y, width, 3 * width, k=1))
        wide = b.clip6(b.conv(wide, 3 * width, 3 * width, group=3 * width))
        y = b.node("Add", y, b.conv(wide, 3 * width, width, k=1))
    y = b.node("ReduceMean", y, axes=[2, 3], keepdims=0)
    return b.model((b.gemm(y, width, 10), ["n", 10]))


def mlp(*, seed: int = 0, width: int = 64) -> ModelProto:
    """Three Gemm layers with Relu: 32 features to 10 classes."""
    b = Builder(seed=seed)
    y = b.node("Relu", b.gemm(b.input("x", ["n", 32]), 32, width))
    y = b.node("Relu", b.gemm(y, width, width))
    return b.model((b.gemm(y, width, 10), ["n", 10]))


def encoder(*, seed: int = 0, width: int = 32, heads: int = 4, layers: int = 2, length: int = 8) -> ModelProto:
    """Self-attention and feed-forward layers over token vectors of shape (n, length, width), with a two-class head."""
    b = Builder(seed=seed)
    y = b.input("x", ["n", length, width])
    split = b.constant(np.array([0, 0, heads, width // heads], np.int64))
    join = b.constant(np.array([0, 0, width], np.int64))

    def norm(x: str) -> str:
        return str(b.node("LayerNormalization", x, b.constant(np.ones(width, np.float32)), b.constant(np.zeros(width, np.float32))))

    for layer in range(layers):
        q, k, v = (b.node("Reshape", b.linear(y, width, width, name=f"layer{layer}/{part}"), split) for part in "qkv")
        q, v = (b.node("Transpose", t, perm=[0, 2, 1, 3]) for t in (q, v))
        k = b.node("Transpose", k, perm=[0, 2, 3, 1])
        scores = b.node("Mul", b.node("MatMul", q, k), b.constant(np.float32((width / heads) ** -0.5)))
        mixed = b.node("MatMul", b.node("Softmax", scores, axis=-1), v)
        mixed = b.node("Reshape", b.node("Transpose", mixed, perm=[0, 2, 1, 3]), join)
        y = norm(b.node("Add", y, b.linear(mixed, width, width, name=f"layer{layer}/out")))
        wide = b.linear(y, width, 4 * width, name=f"layer{layer}/up")
        wide = b.node("Mul", wide, b.node("Sigmoid", wide))
        y = norm(b.node("Add", y, b.linear(wide, 4 * width, width, name=f"layer{layer}/down")))
    y = b.node("ReduceMean", y, axes=[1], keepdims=0)
    return b.model((b.gemm(y, width, 2, name="head"), ["n", 2]))


def branches(*, seed: int = 0, shared: bool = True) -> ModelProto:
    """Concat of a Relu, a Clip and a residual branch; with ``shared`` two convolutions use one weight initializer."""
    b = Builder(seed=seed)
    x = b.input("x", ["n", 8, 8, 8])
    trunk = b.node("Relu", b.conv(x, 8, 8, name="trunk"))
    left = b.node("Relu", b.conv(trunk, 8, 8, name="left"))
    right = b.clip6(b.conv(trunk, 8, 8, name="right"))
    if shared:
        weights = {n.name: n.input[1] for n in b.nodes if n.op_type == "Conv"}
        next(n for n in b.nodes if n.name == "right").input[1] = weights["left"]
        del b.initializers[weights["right"]]
    residual = b.node("Add", trunk, b.conv(left, 8, 8, name="residual"), name="sum")
    y = b.node("Concat", left, right, residual, axis=1, name="join")
    y = b.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2], name="pool")
    y = b.node("Relu", b.conv(y, 24, 16, name="merge"))
    y = b.node("Reshape", b.node("AveragePool", y, kernel_shape=[4, 4], name="mean"), b.constant(np.array([0, -1], np.int64)))
    return b.model((b.gemm(y, 16, 10, name="head"), ["n", 10]))


def batches(model: ModelProto, *, count: int = 4, size: int = 4, seed: int = 1) -> list[dict[str, Any]]:
    """Normally distributed inputs for ``model``; dynamic axes get ``size``."""
    rng = np.random.default_rng(seed)
    weights = {i.name for i in model.graph.initializer}
    shapes = {i.name: [d.dim_value or size for d in i.type.tensor_type.shape.dim] for i in model.graph.input if i.name not in weights}
    return [{name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()} for _ in range(count)]


def session(model: ModelProto, *, optimized: bool = True, path: Any = None) -> Any:
    """A one-threaded session with warnings off; ``path`` receives the graph that really runs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if path is not None:
        options.optimized_model_filepath = str(path)
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(model: ModelProto, feed: dict[str, Any]) -> list[Any]:
    """Outputs of one batch, through onnxruntime directly."""
    return list(session(model).run(None, feed))


def run_plainly(model: ModelProto, feed: dict[str, Any]) -> list[Any]:
    """Outputs of the graph as it is written: every node by its own kernel, nothing fused."""
    return list(session(model, optimized=False).run(None, feed))


def kernels(model: ModelProto, folder: Any) -> Counter[str]:
    """How many nodes of each type onnxruntime really runs."""
    session(model, path=folder / "optimized.onnx")
    return Counter(node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node)


def tampered(model: ModelProto, name: str) -> ModelProto:
    """The model with the weight of one node replaced by noise."""
    made = ModelProto()
    made.CopyFrom(model)
    weight = next(node.input[1] for node in made.graph.node if node.name == name)
    tensor = next(tensor for tensor in made.graph.initializer if tensor.name == weight)
    noise = np.random.default_rng(9).standard_normal(tuple(tensor.dims)) * 3.0
    tensor.CopyFrom(numpy_helper.from_array(noise.astype(np.float32), weight))
    return made
