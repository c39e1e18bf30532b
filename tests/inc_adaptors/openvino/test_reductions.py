"""Quantizers behind reductions, which OpenVINO would run inside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "onnxrt"))

from graphs import Builder, batches
from inc_adaptors.machine import isa
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.openvino.child import run_on
from inc_config.target import Runtime, Target
from onnx import ModelProto

ADAPTOR = OnnxrtAdaptor(threads=1)


def over_tokens(kind: str, between: str, *, opset: int = 17, keepdims: int = 0) -> ModelProto:
    """Token vectors reduced to one, an operation by channel, and a product."""
    b = Builder(seed=0, opset=opset)
    y = b.node(kind, b.node("Tanh", b.input("x", ["n", 8, 32])), axes=[1], keepdims=keepdims)
    if between == "Relu":
        y = b.node("Relu", y)
    elif between:
        y = b.node(between, y, b.constant(np.linspace(0.3, 3.0, 32, dtype=np.float32)))
    return b.model((b.linear(y, 32, 10, name="head"), ["n", 1, 10]) if keepdims else (b.gemm(y, 32, 10, name="head"), ["n", 10]))


def over_pictures(kind: str, **attributes: Any) -> ModelProto:
    """A picture reduced to its channels, and a convolution."""
    b = Builder(seed=0)
    y = b.node(kind, b.node("Tanh", b.input("x", ["n", 32, 6, 6])), **attributes)
    return b.model((b.conv(y, 32, 10, k=1, pads=[0, 0, 0, 0], name="head"), ["n", 10, 1, 1]))


@pytest.mark.parametrize(
    "model",
    [
        over_tokens("ReduceMean", "Mul"),
        over_tokens("ReduceMean", "Add"),
        over_tokens("ReduceMean", "Mul", opset=11),
        over_tokens("ReduceL2", "Div"),
        over_tokens("ReduceMax", ""),
        over_tokens("ReduceMax", "Relu"),
        over_tokens("ReduceMax", "Mul"),
        over_tokens("ReduceMin", ""),
        over_tokens("ReduceMin", "", keepdims=1),
        over_pictures("ReduceMax", axes=[2, 3]),
        over_pictures("GlobalMaxPool"),
    ],
    ids=lambda model: f"{model.graph.node[1].op_type}-{model.graph.node[2].op_type}-{model.opset_import[0].version}",
)
def test_openvino_computes_what_stands_behind_a_reduction(model: ModelProto) -> None:
    handle, feeds = ADAPTOR.open(model), batches(model)
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.OPENVINO, isa=isa()))
    statistics = ADAPTOR.observe(handle, feeds, ADAPTOR.wanted(found, (found.plan(),)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
    assert any(op.scope == "head" for op in found.plan().quantized)
    reference = np.concatenate([ADAPTOR.predict(handle, feed)[0] for feed in feeds])
    answers = np.concatenate([answer[0] for answer in run_on(isa(), made.native, feeds)])
    assert np.square(reference - answers).sum() < 10**-2.5 * np.square(reference).sum()
