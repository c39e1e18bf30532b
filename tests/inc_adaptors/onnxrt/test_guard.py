"""The range guard: operators whose results 8 bits would flatten are found before anything is emitted."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from graphs import Builder, batches, depthwise, encoder, resnet, run
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.statistics.store import Statistics
from inc_config.capabilities import Capabilities, ReasonCode
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto

ADAPTOR = OnnxrtAdaptor(threads=1)
TARGET = Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)


def joined(op_type: str, factor: float, *, behind: bool) -> ModelProto:
    """Two convolutions, the second ``factor`` times as large, met by ``op_type``; ``behind`` puts another convolution behind it."""
    b = Builder()
    x = b.input("x", ["n", 4, 8, 8])
    small = b.node("Relu", b.conv(x, 4, 8, name="small"))
    weight = b.initializers[b.nodes[0].input[1]]
    values = onnx.numpy_helper.to_array(weight)
    large = b.node("Relu", b.node("Conv", x, b.constant(values * np.float32(factor)), pads=[1] * 4, name="large"))
    y = b.node(op_type, small, large, name="join", **({"axis": 1} if op_type == "Concat" else {}))
    channels = 16 if op_type == "Concat" else 8
    if behind:
        y = b.node("Transpose", y, perm=[0, 1, 2, 3], name="pass")
        y = b.conv(y, channels, 4, name="behind")
        channels = 4
    return b.model((y, ["n", channels, 8, 8]))


def tailed(op_type: str) -> ModelProto:
    """A convolution, a Transpose and a steep function; beside it another head that never meets it."""
    b = Builder()
    body = b.node("Relu", b.conv(b.input("x", ["n", 4, 8, 8]), 4, 8, name="body"))
    steep = b.node("Transpose", b.conv(body, 8, 4, k=1, name="steep_head"), perm=[0, 2, 3, 1], name="transpose")
    inputs = [steep, b.constant(np.float32(2.0))] if op_type in ("Pow", "Div") else [steep]
    steep = b.node(op_type, *inputs, name="steep")
    plain = b.node("MaxPool", b.conv(body, 8, 4, k=1, name="plain_head"), kernel_shape=[1, 1], name="plain")
    return b.model((steep, ["n", 8, 8, 4]), (plain, ["n", 4, 8, 8]))


def guarded(model: ModelProto) -> tuple[ModelHandle, Statistics, Capabilities, dict[str, str]]:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, TARGET)
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (found.plan(),)))
    found = ADAPTOR.guard(handle, found, statistics)
    reasons = {c.op.scope: c.reason.detail for c in found.ops if c.reason is not None and c.reason.code is ReasonCode.RANGE_GUARD}
    return handle, statistics, found, reasons


@pytest.mark.parametrize("op_type", ["Concat", "Add"])
@pytest.mark.parametrize(("factor", "at_risk"), [(10.0, False), (200.0, True)])
def test_tensors_are_joined_in_float_from_fifty_fold_on(op_type: str, factor: float, at_risk: bool) -> None:
    *_, reasons = guarded(joined(op_type, factor, behind=False))
    assert ("join" in reasons) == at_risk


def test_readers_of_a_guarded_concat_read_it_in_float() -> None:
    *_, reasons = guarded(joined("Concat", 200.0, behind=True))
    assert set(reasons) == {"join", "pass", "behind"}
    assert "reads what join joined" in reasons["behind"]


def test_readers_of_a_guarded_add_keep_their_integers() -> None:
    """The sum in float already holds the small operand as a small part of large values: a scale for it loses nothing more."""
    *_, reasons = guarded(joined("Add", 200.0, behind=True))
    assert set(reasons) == {"join"}


def test_a_guarded_concat_keeps_the_small_tensor() -> None:
    model = joined("Concat", 2000.0, behind=False)
    handle = ADAPTOR.open(model)
    free = ADAPTOR.capabilities(handle, TARGET)
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(free, (free.plan(),)))
    errors = []
    for found in (free, ADAPTOR.guard(handle, free, statistics)):
        made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
        errors.append(_small_error(model, made.native))
    assert errors[0] > 0.5  # one step of the joint scale is larger than most of the small tensor
    assert errors[1] < 0.02


def _small_error(model: ModelProto, made: ModelProto) -> float:
    feed: dict[str, Any] = batches(model, count=1)[0]
    exact, coded = (run(m, feed)[0][:, :8] for m in (model, made))
    return float(np.abs(exact - coded).mean() / np.abs(exact).mean())


@pytest.mark.parametrize("op_type", ["Softmax", "Exp", "Pow", "Sqrt", "Div"])
def test_a_steep_tail_and_the_convolution_that_feeds_it_stay_in_float(op_type: str) -> None:
    handle = ADAPTOR.open(tailed(op_type))
    found = ADAPTOR.capabilities(handle, TARGET)  # no data needed
    reasons = {c.op.scope for c in found.ops if c.reason is not None and c.reason.code is ReasonCode.RANGE_GUARD}
    assert reasons == {"steep_head", "transpose"}
    assert {op.scope for op in found.plan().quantized} == {"body", "plain_head", "plain"}


@pytest.mark.parametrize("model", [resnet, depthwise, encoder])
def test_ordinary_models_are_left_alone(model: Any) -> None:
    *_, reasons = guarded(model())
    assert reasons == {}


def test_a_classifier_with_softmax_keeps_its_integers() -> None:
    """The last matrix product returns float, and the convolution's codes are averaged before Softmax sees them."""
    b = Builder()
    y = b.node("GlobalAveragePool", b.conv(b.input("x", ["n", 4, 8, 8]), 4, 10, name="conv"), name="mean")
    y = b.node("Softmax", b.node("Flatten", y, name="flat"), axis=-1)
    found = ADAPTOR.capabilities(ADAPTOR.open(b.model((y, ["n", 10]))), TARGET)
    assert [op.scope for op in found.plan().quantized] == ["conv"]
