"""Odd models and odd data that must not stop a quantization: what cannot be quantized stays in float and says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import Builder, batches, mlp, resnet, run
from inc_config.capabilities import Capabilities, ReasonCode
from inc_config.errors import CalibrationError, DataError, ModelError
from inc_config.plan import QuantizationPlan
from onnx import ModelProto
from test_emission import ADAPTOR, TARGET, Calibrated, calibrated


def on(model: ModelProto, data: list[Any]) -> Calibrated:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, TARGET)
    return Calibrated(model, handle, found, ADAPTOR.observe(handle, data, ADAPTOR.wanted(found, (found.plan(),))))


def guarded(found: Calibrated) -> Capabilities:
    return ADAPTOR.guard(found.handle, found.capabilities, found.statistics)


def empty_branch() -> ModelProto:
    """Two Gemms behind a selection of no rows, as in a detector that finds nothing."""
    b = Builder()
    y = b.node("Relu", b.gemm(b.input("x", ["n", 32]), 32, 32, name="trunk"))
    zero = b.constant(np.array([0], np.int64))
    none = b.node("Slice", y, zero, zero, zero, name="none")
    z = b.gemm(b.node("Relu", b.gemm(none, 32, 32, name="first")), 32, 10, name="second")
    return b.model((b.gemm(y, 32, 10, name="head"), ["n", 10]), (z, ["k", 10]))


def test_operators_that_calibration_gives_no_values_stay_in_float() -> None:
    found = on(empty_branch(), batches(empty_branch()))
    made = found.emit()
    assert any("no values" in note and "second" in note for note in made.state.notes)
    reasons = {c.op.scope: c.reason.code for c in guarded(found).ops if c.reason is not None}
    assert reasons["first"] is reasons["second"] is ReasonCode.NOT_EXECUTED
    assert {op.scope for op in guarded(found).plan().quantized} >= {"trunk", "head"}
    feed = batches(found.model)[0]
    left, right = run(made.native, feed), run(found.model, feed)
    assert left[1].shape == right[1].shape == (0, 10)
    assert 0.0 < np.abs(left[0] - right[0]).max() < 0.5


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e-20])
def test_an_input_that_is_constant_gives_usable_scales(value: float) -> None:
    feed = {"x": np.full((4, 3, 16, 16), value, np.float32)}
    found = on(resnet(), [feed] * 2)
    made, expected = run(found.emit(final=True).native, feed)[0], run(found.model, feed)[0]
    assert np.isfinite(made).all()
    assert np.abs(made - expected).max() <= 0.05 * max(1.0, float(np.abs(expected).max()))


def test_one_sample_is_enough_to_emit() -> None:
    feed = {"x": batches(resnet())[0]["x"][:1]}
    found = on(resnet(), [feed])
    left, right = run(found.emit().native, feed)[0], run(found.model, feed)[0]
    assert 10.0 * np.log10(np.square(right).sum() / np.square(left - right).sum()) > 25.0


def test_axes_of_length_zero_leave_their_operator_in_float() -> None:
    b = Builder()
    weight = b.constant(np.zeros((0, 4), np.float32))
    model = b.model((b.node("MatMul", b.input("x", ["n", 0]), weight, name="empty"), ["n", 4]))
    (capability,) = ADAPTOR.capabilities(ADAPTOR.open(model), TARGET).ops
    assert capability.reason is not None
    assert capability.reason.code is ReasonCode.UNSUPPORTED_OPERATOR


@pytest.mark.parametrize("form", ["qdq", "qoperator"])
def test_a_model_quantized_here_is_refused_the_second_time(form: str) -> None:
    found = calibrated(mlp())
    plan = QuantizationPlan(target=TARGET, ops=found.plan.ops, recipes={"graph_format": form})
    with pytest.raises(ModelError, match="quantized already"):
        ADAPTOR.capabilities(ADAPTOR.open(found.emit(plan).native), TARGET)


def test_empty_batches_and_no_batches_are_refused() -> None:
    handle = ADAPTOR.open(mlp())
    found = ADAPTOR.capabilities(handle, TARGET)
    wanted = ADAPTOR.wanted(found, (found.plan(),))
    with pytest.raises(DataError, match="empty"):
        ADAPTOR.observe(handle, [{"x": np.zeros((0, 32), np.float32)}], wanted)
    with pytest.raises(DataError, match="not a single batch"):
        ADAPTOR.observe(handle, [], wanted)


def test_an_empty_batch_as_example_is_no_division_by_its_samples() -> None:
    found = ADAPTOR.capabilities(ADAPTOR.open(mlp()), TARGET, batches=[{"x": np.zeros((0, 32), np.float32)}])
    assert {c.op.type for c in found.quantizable} == {"Gemm"}


def test_statistics_of_another_model_are_refused() -> None:
    found = calibrated(mlp())
    other = ADAPTOR.open(mlp(seed=1))
    with pytest.raises(CalibrationError, match="another model"):
        ADAPTOR.emitter(other, found.statistics, found.capabilities)
