"""Every Gemm with a constant weight has an integer form, whatever its factors, its transposes and its bias."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import Builder, batches, run
from onnx import ModelProto, TensorProto
from test_emission import ADAPTOR, calibrated

ROWS, INSIDE, OUT = 4, 16, 8


def gemm(bias: Any, *, dynamic: bool = False, **attributes: Any) -> ModelProto:
    b = Builder()
    x = b.input("x", [INSIDE, ROWS] if attributes.get("transA") else [ROWS, INSIDE])
    weight = b.normal(INSIDE, OUT, fan=INSIDE)
    inputs = [x, b.constant(weight.T if attributes.get("transB") else weight)]
    if bias is not None:
        inputs.append(b.input("bias", list(bias.shape)) if dynamic else b.constant(bias))
    y = b.node("Gemm", *inputs, name="layer", **attributes)
    return b.model((b.node("Tanh", y, name="tanh"), [ROWS, OUT]))


def vector(*shape: int) -> Any:
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


CASES = [
    gemm(None),
    gemm(None, alpha=0.5),
    gemm(vector(OUT), alpha=-2.0, beta=3.0),
    gemm(vector(OUT), beta=0.0, transB=1),
    gemm(vector()),
    gemm(vector(1), beta=0.5),
    gemm(vector(1, 1), transB=1),
    gemm(vector(1, OUT)),
    gemm(vector(ROWS, 1)),
    gemm(vector(ROWS, OUT), beta=2.0),
    gemm(vector(OUT), transA=1),
    gemm(vector(ROWS, OUT), transA=1, transB=1, alpha=0.25, beta=0.5),
    gemm(vector(OUT), dynamic=True),
    gemm(vector(ROWS, 1), dynamic=True, alpha=2.0),
]


@pytest.mark.parametrize("model", CASES, ids=range(len(CASES)))
@pytest.mark.parametrize("dynamic", [False, True])
def test_it_runs_on_integers_and_computes_the_same(model: ModelProto, dynamic: bool) -> None:
    found = calibrated(model)
    plan = found.capabilities.plan(lambda option: option.is_dynamic) if dynamic else found.plan
    assert "layer" in {op.scope for op in plan.quantized}
    made = found.emit(plan, final=True)
    assert "layer" in ADAPTOR.integers(made)
    feed = batches(model)[0]
    exact, quantized = run(model, feed)[0], run(made.native, feed)[0]
    assert float(np.abs(exact - quantized).max()) < 0.05


def test_a_bias_of_floats_that_is_scaled_at_run_time_stays_in_float_with_a_reason() -> None:
    model = gemm(vector(OUT), dynamic=True, beta=0.5)
    capability = next(c for c in ADAPTOR.capabilities(ADAPTOR.open(model), ADAPTOR.target()).ops if c.op.scope == "layer")
    assert not capability.is_quantizable
    assert capability.reason is not None


def test_a_weight_that_another_operator_reads_is_not_scaled_for_it() -> None:
    b = Builder()
    x, weight = b.input("x", ["n", INSIDE]), b.constant(b.normal(INSIDE, OUT, fan=INSIDE))
    y = b.node("Add", b.node("Gemm", x, weight, alpha=2.0, name="scaled"), b.node("MatMul", x, weight, name="plain"))
    model = b.model((y, ["n", OUT]))
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    feed = batches(model)[0]
    exact, made = run(model, feed)[0], run(calibrated(model).emit(final=True).native, feed)[0]
    assert float(np.abs(exact - made).max()) < 0.03 * float(np.abs(exact).max())
