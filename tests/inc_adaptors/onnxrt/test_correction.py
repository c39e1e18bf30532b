"""Recipes that take back what rounding weights adds: fast_bias_correction and weight_correction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from graphs import Builder, batches, depthwise, encoder, mlp, resnet, run_plainly
from inc_config.dtypes import IntegerType, PerChannel, PerTensor
from inc_config.errors import CalibrationError
from inc_config.plan import QuantizationPlan
from onnx import ModelProto, numpy_helper
from test_emission import ADAPTOR, TARGET, Calibrated, calibrated, weights_of

BIAS = {"fast_bias_correction": True}
SPREAD = {"weight_correction": True}


def prepared(model: ModelProto, recipes: dict[str, Any], *, bits: int = 8) -> tuple[Calibrated, QuantizationPlan]:
    """Calibrated for a plan with these recipes and weights of ``bits``."""
    handle = ADAPTOR.open(model)
    capabilities = ADAPTOR.capabilities(handle, TARGET)
    plan = attrs.evolve(capabilities.plan(), recipes=recipes)
    narrow = IntegerType(bits, signed=True)
    changes = {op: attrs.evolve(p, weight=attrs.evolve(p.weight, dtype=narrow)) for op, p in plan.ops.items() if p.weight is not None}
    plan = plan.with_ops(changes)
    found = Calibrated(model, handle, capabilities, ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(capabilities, (plan,))))
    return found, plan


def one_layer(kind: str) -> ModelProto:
    """A layer on inputs that are 3.0 on average, so that lost weight moves the output's mean."""
    b = Builder()
    if kind in ("conv", "conv without bias", "grouped conv"):
        x = b.node("Add", b.input("x", ["n", 8, 6, 6]), b.constant(np.float32(3.0)))
        group = 4 if kind == "grouped conv" else 1
        y = b.conv(x, 8, 16, k=3, bias=kind != "conv without bias", group=group, pads=[0, 0, 0, 0], name="layer")
        return b.model((y, ["n", 16, 4, 4]))
    x = b.node("Add", b.input("x", ["n", 7, 32] if kind == "matmul" else ["n", 32]), b.constant(np.float32(3.0)))
    y = b.linear(x, 32, 16, name="layer") if kind == "matmul" else b.gemm(x, 32, 16, name="layer")
    if kind == "matmul":  # a Softmax makes the model transformer-like: the Add stays in float
        return b.model((b.node("Softmax", y, axis=-1), ["n", 7, 16]), (y, ["n", 7, 16]))
    return b.model((y, ["n", 16]))


KINDS = ["conv", "conv without bias", "grouped conv", "gemm", "matmul"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_every_output_channel_is_that_of_the_float_model(kind: str) -> None:
    """With 4-bit weights the means drift; corrected, what is left is the rounding of activations (and of int32 biases)."""
    model = one_layer(kind)
    found, plan = prepared(model, BIAS, bits=4)
    axes = (0, 2, 3) if "conv" in kind else (0, 1) if kind == "matmul" else (0,)

    def drift(recipes: dict[str, Any]) -> float:
        made = found.emit(attrs.evolve(plan, recipes=recipes)).native
        errors = [run_plainly(made, feed)[-1] - run_plainly(model, feed)[-1] for feed in batches(model)]
        return float(np.abs(np.mean([error.mean(axis=axes) for error in errors], axis=0)).max())

    usual, corrected = drift({}), drift(BIAS)
    assert usual > 0.1
    assert corrected < 0.15 * usual


def test_the_correction_is_that_of_the_formula() -> None:
    """bias' = bias + (W - W_quantized) @ E[x], worked out from the emitted codes and scales."""
    model = one_layer("gemm")
    found, plan = prepared(model, BIAS)
    made = weights_of(found.emit(plan).native)
    codes, scale = made["layer/1"]
    weight, bias = (numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == name)) for name in ("c2", "c3"))
    mean = np.concatenate([feed["x"] for feed in batches(model)]).mean(axis=0) + 3.0
    expected = bias + (weight - codes * scale[:, None]).astype(np.float64) @ mean
    bias_codes, bias_scale = made["layer/2"]
    np.testing.assert_allclose(bias_codes * bias_scale, expected, atol=1e-3)
    assert np.abs(expected - bias).max() > 5e-3


@pytest.mark.parametrize("make", [resnet, depthwise, mlp])
def test_correction_does_not_spoil_whole_models(make: Callable[[], ModelProto]) -> None:
    found, plan = prepared(make(), {**BIAS, **SPREAD}, bits=4)
    assert found.sqnr_db(plan) > found.sqnr_db(attrs.evolve(plan, recipes={})) - 0.5


def test_products_without_a_bias_of_floats_are_named() -> None:
    b = Builder()
    x = b.input("x", ["n", 4, 16])
    model = b.model((b.node("Softmax", b.linear(x, 16, 8, bias=False, name="bare")), ["n", 4, 8]))
    found, plan = prepared(model, BIAS)
    assert any("leaves out" in note and "bare" in note for note in found.emit(plan).state.notes)


def test_correction_follows_smoothquant() -> None:
    found, plan = prepared(encoder(), {**BIAS, "smooth_quant": {"alphas": (0.5,)}})
    smooth = attrs.evolve(plan, recipes={"smooth_quant": {"alphas": (0.5,)}})
    assert found.sqnr_db(plan) > found.sqnr_db(smooth) - 0.5


def test_means_that_were_not_gathered_are_asked_for() -> None:
    found = calibrated(mlp())
    with pytest.raises(CalibrationError, match="mean of every input channel"):
        found.emit(attrs.evolve(found.plan, recipes=BIAS))


def test_the_recipe_costs_one_statistic_per_weighted_input() -> None:
    found = calibrated(mlp())
    plain = ADAPTOR.wanted(found.capabilities, (found.plan,))
    more = ADAPTOR.wanted(found.capabilities, (attrs.evolve(found.plan, recipes=BIAS),))
    added = {str(key) for key in more if more[key] != plain[key]}
    assert added == {f"{op}/input:0" for op in found.plan.quantized}


@pytest.mark.parametrize("granularity", [PerTensor(), PerChannel(0)])
def test_corrected_weights_have_the_spread_they_had_before_rounding(granularity: PerTensor | PerChannel) -> None:
    found, plan = prepared(mlp(), SPREAD, bits=3)
    changes = {op: attrs.evolve(p, weight=attrs.evolve(p.weight, granularity=granularity)) for op, p in plan.ops.items()}  # type: ignore[arg-type]  # every operator has one
    plan = plan.with_ops(changes)
    in_float = {n.name: n.input[1] for n in found.model.graph.node if n.op_type == "Gemm"}
    held = {t.name: numpy_helper.to_array(t) for t in found.model.graph.initializer}
    usual, corrected = (weights_of(found.emit(p).native) for p in (attrs.evolve(plan, recipes={}), plan))
    for name, weight in in_float.items():
        codes, scale = corrected[f"{name}/1"]
        np.testing.assert_array_equal(codes, usual[f"{name}/1"][0])
        axis = None if scale.ndim == 0 else 1
        real = codes * (scale if scale.ndim == 0 else scale[:, None])
        np.testing.assert_allclose(real.std(axis=axis), held[weight].std(axis=axis), rtol=1e-4)
        assert np.abs(scale / usual[f"{name}/1"][1] - 1.0).max() > 1e-3


def test_dead_channels_keep_their_scale_and_their_bias() -> None:
    """The bias of a dead channel fits int32 only just: a smaller scale would overflow it."""
    b = Builder()
    model = b.model((b.conv(b.input("x", ["n", 4, 6, 6]), 4, 8, name="conv"), ["n", 8, 6, 6]))
    weight, bias = (np.array(numpy_helper.to_array(model.graph.initializer[i])) for i in (0, 1))
    weight[3] *= 1e-12
    bias[3] = 50.0
    for index, array in enumerate((weight, bias)):
        model.graph.initializer[index].CopyFrom(numpy_helper.from_array(array, model.graph.initializer[index].name))
    found, plan = prepared(model, {**BIAS, **SPREAD})
    np.testing.assert_allclose(run_plainly(found.emit(plan).native, batches(model)[0])[0][:, 3], 50.0, atol=0.3)
