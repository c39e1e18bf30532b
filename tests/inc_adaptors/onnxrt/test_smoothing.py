"""SmoothQuant: the same function, and a smaller range where single channels reach far."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import Builder, batches, encoder, mlp, run
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import CalibrationError, PlanError
from inc_config.named import Named
from inc_config.plan import QuantizationPlan
from inc_config.recipes import AlphaSearch, Recipes, SmoothQuant
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, numpy_helper

ADAPTOR = OnnxrtAdaptor(threads=1)
TARGET = Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)


def outlier_encoder(*, factor: float = 60.0) -> ModelProto:
    """An encoder whose normalizations have two channels ``factor`` times as large, under weights as much smaller, as in trained ones."""
    model = encoder()
    for name in ("layer0/up", "layer1/q", "layer1/k", "layer1/v", "layer1/up"):
        weight = next(node.input[1] for node in model.graph.node if node.name == name)
        tensor = next(t for t in model.graph.initializer if t.name == weight)
        values = numpy_helper.to_array(tensor).copy()
        values[[3, 11]] /= factor
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in model.graph.node:
        if node.op_type == "LayerNormalization":
            scale = next(t for t in model.graph.initializer if t.name == node.input[1])
            values = numpy_helper.to_array(scale).copy()
            values[[3, 11]] = factor
            scale.CopyFrom(numpy_helper.from_array(values, scale.name))
    return model


def emitted(model: ModelProto, recipe: SmoothQuant | None, **changes: Any) -> tuple[ModelHandle, ModelHandle, QuantizationPlan]:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, TARGET)
    plan = QuantizationPlan(target=TARGET, ops=found.plan().ops, recipes=Recipes(smooth_quant=recipe).changed)
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (plan,)))
    return handle, ADAPTOR.emitter(handle, statistics, found).emit(plan, final=True), plan


def sqnr(model: ModelProto, recipe: SmoothQuant | None, feeds: list[dict[str, Any]] | None = None) -> float:
    """On the calibration data, or on ``feeds``."""
    handle, made, _ = emitted(model, recipe)
    return ADAPTOR.parity(handle, made, feeds or batches(model))[0].sqnr_db


@pytest.mark.parametrize(
    "recipe",
    [
        SmoothQuant(alphas=0.5),
        SmoothQuant(alphas=0.5, folding=False),
        SmoothQuant(alphas=0.5, folding=False, scales_per_op=False),
    ],
)
def test_outlier_channels_cost_less_when_smoothed(recipe: SmoothQuant) -> None:
    model = outlier_encoder()
    assert sqnr(model, recipe) > sqnr(model, None) + 1.5


@pytest.mark.parametrize(
    "recipe", [SmoothQuant(alphas=(0.3, 0.5, 0.7)), SmoothQuant(search=AlphaSearch(minimum=0.2, maximum=0.8, step=0.1))]
)
def test_a_chosen_strength_serves_samples_that_calibration_did_not_see(recipe: SmoothQuant) -> None:
    """Of 128 values per channel the largest are far from the largest there are: the strength that is best for them clips the next."""
    model = outlier_encoder()
    others = batches(model, count=32, seed=77)
    assert sqnr(model, recipe, others) > sqnr(model, None, others) + 3.0
    assert sqnr(model, recipe, others) > sqnr(model, SmoothQuant(alphas=0.5), others) + 3.0


@pytest.mark.parametrize(("count", "outlier", "is_evened"), [(4, 1.0, False), (4, 3.0, False), (1000, 12.0, True)])
def test_a_normalization_is_not_evened_out_by_a_handful_of_values(count: int, outlier: float, is_evened: bool) -> None:
    """Of pooled features there is one value per channel and sample."""
    b = Builder(seed=4)
    y = b.node("GlobalAveragePool", b.node("Tanh", b.conv(b.input("x", ["n", 8, 6, 6]), 8, 256)))
    y = b.node("Reshape", y, b.constant(np.array([-1, 256], np.int64)))
    scale = np.where(np.arange(256) < 4, outlier, 1.0).astype(np.float32)
    y = b.node("LayerNormalization", y, b.constant(scale), b.constant(np.zeros(256, np.float32)))
    model = b.model((b.gemm(y, 256, 10), ["n", 10]))
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, TARGET)
    statistics = ADAPTOR.observe(handle, batches(model, count=count, size=2), ADAPTOR.wanted(found, (found.plan(),)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
    assert any("evened" in note for note in made.state.notes) == is_evened
    assert ADAPTOR.parity(handle, made, batches(model, count=32, size=2, seed=9))[0].sqnr_db > 25.0


def test_the_smoothed_model_is_the_same_function() -> None:
    """The scales cancel: what is left is rounding, a few hundredths of the largest output."""
    handle, made, _ = emitted(mlp(), SmoothQuant(alphas=0.5))
    feed = batches(mlp(), count=1)[0]
    exact, coded = run(handle.native, feed)[0], run(made.native, feed)[0]
    assert np.abs(exact - coded).max() < 0.05 * np.abs(exact).max()


def test_folding_adds_no_operator_and_else_there_is_one_per_reader() -> None:
    def multiplications(recipe: SmoothQuant | None) -> int:
        return sum(node.op_type == "Mul" for node in emitted(outlier_encoder(), recipe)[1].native.graph.node)

    plain = multiplications(None)
    # Per layer one LayerNormalization is read by MatMuls alone (none: residual Adds read it too), so every smoothed input gets its Mul.
    shared = multiplications(SmoothQuant(alphas=0.5, folding=False, scales_per_op=False))
    single = multiplications(SmoothQuant(alphas=0.5, folding=False))
    assert plain < shared < single
    assert single - plain == 13  # matrix products of two layers with six each, and the head


def normalized(*, reach: float) -> ModelProto:
    """A LayerNormalization with one channel of ``reach``, read by two products alone whose weights are as much smaller there."""
    from graphs import Builder

    b = Builder(seed=5)
    x = b.input("x", ["n", 16])
    scale = np.ones(16, np.float32)
    scale[2] = reach
    y = b.node("LayerNormalization", x, b.constant(scale), b.constant(np.zeros(16, np.float32)), name="norm")
    left, right = b.gemm(y, 16, 8, name="left"), b.gemm(y, 16, 8, name="right")
    model = b.model((left, ["n", 8]), (right, ["n", 8]))
    for node in model.graph.node:
        if node.op_type == "Gemm":
            tensor = next(t for t in model.graph.initializer if t.name == node.input[1])
            values = numpy_helper.to_array(tensor).copy()
            values[:, 2] /= reach
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return model


@pytest.mark.parametrize("recipe", [SmoothQuant(alphas=0.5), None])
def test_a_normalization_that_only_products_read_takes_the_scales(recipe: SmoothQuant | None) -> None:
    """Asked for or not: where it adds no operator it is done anyway."""
    model = normalized(reach=80.0)
    handle, made, plan = emitted(model, recipe)
    assert not any(node.op_type == "Mul" for node in made.native.graph.node)
    folded = next(node for node in made.native.graph.node if node.name == "norm")
    values = {t.name: numpy_helper.to_array(t) for t in made.native.graph.initializer}
    assert values[folded.input[1]].max() < 0.3 * 80.0
    smoothed = ADAPTOR.parity(handle, made, batches(model))
    left_alone = emitted_unsmoothed(handle, plan, model)
    assert all(a.sqnr_db > b.sqnr_db + 10 for a, b in zip(smoothed, ADAPTOR.parity(handle, left_alone, batches(model)), strict=True))


def emitted_unsmoothed(handle: ModelHandle, plan: QuantizationPlan, model: ModelProto) -> ModelHandle:
    """The same plan with the recipe refused."""
    found = ADAPTOR.capabilities(handle, TARGET)
    refused = QuantizationPlan(target=TARGET, ops=plan.ops, recipes={"smooth_quant": None})
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (refused,)))
    return ADAPTOR.emitter(handle, statistics, found).emit(refused)


def test_a_normalization_without_outliers_stays_as_it_is() -> None:
    model = normalized(reach=1.0)
    handle, made, plan = emitted(model, None)
    unsmoothed = emitted_unsmoothed(handle, plan, model)
    assert [n.name for n in made.native.graph.node] == [n.name for n in unsmoothed.native.graph.node]
    assert not any("evened out" in note for note in made.state.notes)


def test_products_left_in_float_keep_their_numbers_when_outliers_are_evened_out() -> None:
    """The scales cancel whatever the plan quantizes, so one smoothed graph serves every plan."""
    model = normalized(reach=80.0)
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, TARGET)
    plan = found.plan()
    emitter = ADAPTOR.emitter(handle, ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (plan,))), found)
    made = emitter.emit(plan.with_float(op for op in plan.ops if op.scope == "left"))
    assert any("evened out" in note for note in made.state.notes)
    left, _ = ADAPTOR.parity(handle, made, batches(model))
    assert left.sqnr_db > 110  # float32 rounding alone


def test_the_caller_s_model_and_other_emissions_stay_as_they_are() -> None:
    model = outlier_encoder()
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, TARGET)
    smoothed = QuantizationPlan(target=TARGET, ops=found.plan().ops, recipes=Recipes(smooth_quant=SmoothQuant()).changed)
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (smoothed,)))
    emitter = ADAPTOR.emitter(handle, statistics, found)
    before = emitter.emit(found.plan()).native.SerializeToString(deterministic=True)
    made = emitter.emit(smoothed)
    assert made.native.SerializeToString(deterministic=True) != before
    assert emitter.emit(found.plan()).native.SerializeToString(deterministic=True) == before
    assert any("SmoothQuant: alpha 0.5" in note for note in made.state.notes)


def test_what_cannot_be_smoothed_is_refused() -> None:
    model = outlier_encoder()
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, TARGET)
    plain = QuantizationPlan(target=TARGET, ops=found.plan().ops, recipes={"smooth_quant": None})
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (plain,)))
    emitter = ADAPTOR.emitter(handle, statistics, found)

    def asked(recipe: SmoothQuant) -> QuantizationPlan:
        return QuantizationPlan(target=TARGET, ops=plain.ops, recipes=Recipes(smooth_quant=recipe).changed)

    with pytest.raises(CalibrationError, match="range of every input channel"):
        emitter.emit(asked(SmoothQuant()))
    with pytest.raises(PlanError, match="of type Conv"):
        emitter.emit(asked(SmoothQuant(op_types=("Conv",))))
    with pytest.raises(PlanError, match="percentile"):
        emitter.emit(asked(SmoothQuant(percentile=99.0)))


def test_thresholds_that_need_a_histogram_are_refused() -> None:
    import attrs

    handle = ADAPTOR.open(mlp())
    found = ADAPTOR.capabilities(handle, TARGET)
    ops = {
        op: attrs.evolve(plan, inputs=tuple(attrs.evolve(t, threshold=Named("kl")) for t in plan.inputs if t is not None))
        for op, plan in found.plan().ops.items()
    }
    plan = QuantizationPlan(target=TARGET, ops=ops, recipes=Recipes(smooth_quant=SmoothQuant()).changed)
    with pytest.raises(PlanError, match="another pass"):
        ADAPTOR.wanted(found, (plan,))
    plain = QuantizationPlan(target=TARGET, ops=ops, recipes={"smooth_quant": None})
    statistics = ADAPTOR.observe(handle, batches(mlp()), ADAPTOR.wanted(found, (plain,)))
    with pytest.raises(PlanError, match="another pass"):
        ADAPTOR.emitter(handle, statistics, found).emit(plan)


def test_for_openvino_a_mul_carries_the_quantizer_behind_what_others_read_too() -> None:
    """The encoder's normalizations are read by residual additions as well: for onnxruntime they stay as they are."""
    model = encoder()
    handle = ADAPTOR.open(model)
    made = {}
    for runtime in (Runtime.OPENVINO, Runtime.ONNXRUNTIME):
        found = ADAPTOR.capabilities(handle, Target(runtime=runtime, isa=Isa.AVX512_VNNI))
        statistics = ADAPTOR.observe(handle, batches(model, count=32), ADAPTOR.wanted(found, (found.plan(),)))
        made[runtime] = ADAPTOR.emitter(handle, statistics, found)
        added = [node for node in made[runtime].emit(found.plan()).native.graph.node if node.name.endswith("_smooth")]
        assert len(added) == (5 if runtime is Runtime.OPENVINO else 0)  # two layers of two normalizations, the last not read by products
        if runtime is Runtime.OPENVINO:
            floats = made[runtime].emit(found.plan().with_float(found.plan().quantized)).native
            feed = batches(model)[0]
            np.testing.assert_allclose(run(floats, feed)[0], run(model, feed)[0], atol=1e-5)
