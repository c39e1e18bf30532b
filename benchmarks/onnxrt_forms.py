"""Integer forms beside Q/DQ pairs, in onnxruntime on one thread by CPU time, in interleaved pairs.

Claims: a feed-forward block whose shapes are all fixed (onnxruntime makes Gemm of its MatMul and Add), the fused Attention and an LSTM are
at least 1.5 times as fast as in fp32; a ResNet-50 shape in QOperator form is as fast as in QDQ form, within 3 %.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.plan import QuantizationPlan
from inc_config.target import Isa, Runtime, Target
from models import images, resnet50
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from quality.scoring import times_as_fast

TARGET = Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)
FASTER, WITHIN = 1.5, 0.97
ROUNDS = 9


def main() -> int:
    """Print a line for each claim; returns 1 where one is missed."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="inc-forms-") as folder:
        for label, before, after, batch, bound in _pairs(Path(folder)):
            found = times_as_fast(before, after, batch, rounds=ROUNDS)
            verdict = "holds" if found.low >= bound else "missed" if found.high < bound else "inconclusive"
            print(f"{label:<44}{found}  bound {bound:g}: {verdict}{', noisy machine' if found.noisy else ''}", flush=True)
            missed += verdict != "holds"
    return 1 if missed else 0


def _pairs(folder: Path) -> Iterator[tuple[str, Path, Path, NDArray[Any], float]]:
    for label, (make, shape) in FLOATS.items():
        model = make()
        batches = [np.random.default_rng(seed).standard_normal(shape).astype(np.float32) for seed in range(3)]
        (made,) = _emitted(model, batches, ({},), dynamic=label == "LSTM")
        before, after = folder / f"{label}.onnx", folder / f"{label}.int8.onnx"
        onnx.save(model, before)
        onnx.save(made, after)
        yield f"{label}: int8 over fp32", before, after, batches[0], FASTER
    pairs = _emitted(resnet50(), images(4), ({}, {"graph_format": "qoperator"}))
    files = [folder / f"resnet50.{index}.onnx" for index in range(2)]
    for file, made in zip(files, pairs, strict=True):
        onnx.save(made, file)
    yield "resnet50: QOperator over QDQ", files[0], files[1], images(1)[0], WITHIN


def _emitted(
    model: ModelProto, batches: list[Any], recipes: tuple[Mapping[str, Any], ...], *, dynamic: bool = False
) -> Iterator[ModelProto]:
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(model)
    capabilities = adaptor.capabilities(handle, TARGET)
    ops = capabilities.plan(lambda option: option.is_dynamic == dynamic).ops
    plans = [QuantizationPlan(target=TARGET, ops=ops, recipes=recipe) for recipe in recipes]
    emitter = adaptor.emitter(handle, adaptor.observe(handle, batches, adaptor.wanted(capabilities, plans)), capabilities)
    return (emitter.emit(plan, final=True).native for plan in plans)


def feed_forward(width: int = 768, length: int = 128) -> ModelProto:
    """MatMul, Add, Sigmoid times itself, MatMul, Add and LayerNormalization over a sequence; no axis is dynamic."""
    rng = np.random.default_rng(0)
    weights = {
        "up": rng.standard_normal((width, 4 * width)) / np.sqrt(width),
        "up_bias": rng.standard_normal(4 * width) * 0.1,
        "down": rng.standard_normal((4 * width, width)) / np.sqrt(4 * width),
        "down_bias": rng.standard_normal(width) * 0.1,
        "scale": np.ones(width),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "up"], ["a"], name="up"),
        helper.make_node("Add", ["a", "up_bias"], ["b"], name="up_bias"),
        helper.make_node("Sigmoid", ["b"], ["c"], name="gate"),
        helper.make_node("Mul", ["b", "c"], ["d"], name="silu"),
        helper.make_node("MatMul", ["d", "down"], ["e"], name="down"),
        helper.make_node("Add", ["e", "down_bias"], ["f"], name="down_bias"),
        helper.make_node("LayerNormalization", ["f", "scale"], ["y"], name="norm"),
    ]
    return _model(nodes, [1, length, width], weights)


def attention(width: int = 768, length: int = 128) -> ModelProto:
    """onnxruntime's fused Attention of twelve heads."""
    rng = np.random.default_rng(0)
    weights = {"weight": rng.standard_normal((width, 3 * width)) / np.sqrt(width), "bias": rng.standard_normal(3 * width) * 0.1}
    node = helper.make_node("Attention", ["x", "weight", "bias"], ["y"], name="attention", domain="com.microsoft", num_heads=12)
    return _model([node], [1, length, width], weights)


def lstm(inside: int = 128, hidden: int = 256, length: int = 32) -> ModelProto:
    """One forward layer."""
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.standard_normal((1, 4 * hidden, inside)) / np.sqrt(inside),
        "r": rng.standard_normal((1, 4 * hidden, hidden)) / np.sqrt(hidden),
        "b": rng.standard_normal((1, 8 * hidden)) * 0.1,
    }
    node = helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], name="lstm", hidden_size=hidden)
    return _model([node], [length, 1, inside], weights)


def _model(nodes: list[Any], shape: list[int], weights: Mapping[str, NDArray[Any]]) -> ModelProto:
    held = [numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * (4 if nodes[0].op_type == "LSTM" else 3))]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(helper.make_graph(nodes, "graph", inputs, outputs, held), opset_imports=opsets, ir_version=8)


FLOATS: Mapping[str, tuple[Callable[[], ModelProto], tuple[int, ...]]] = {
    "feed-forward, fixed shapes": (feed_forward, (1, 128, 768)),
    "Attention": (attention, (1, 128, 768)),
    "LSTM": (lstm, (32, 1, 128)),
}

if __name__ == "__main__":
    sys.exit(main())
