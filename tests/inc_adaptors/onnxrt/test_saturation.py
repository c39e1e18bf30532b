"""int16 pair overflow is predicted, and weight scales for targets that saturate keep clear of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import numpy as np
import pytest
from graphs import Builder, batches, depthwise, encoder, mlp, resnet
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_adaptors.handle import ModelHandle
from inc_adaptors.kernels.pairs import pair_overflow, pair_overflow_numpy
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.coded import coded_operators, from_rows, rows_of
from inc_adaptors.onnxrt.saturation import pairs_at_risk, saturation
from inc_adaptors.onnxrt.taps import Taps
from inc_config.capabilities import Capabilities
from inc_config.dtypes import IntegerType
from inc_config.errors import DataError
from inc_config.plan import OpPlan
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, TensorProto

ADAPTOR = OnnxrtAdaptor(threads=1)


def quantized(model: ModelProto, isa: Isa) -> tuple[ModelHandle, ModelHandle, Capabilities]:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.ONNXRUNTIME, isa=isa))
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (found.plan(),)))
    found = ADAPTOR.guard(handle, found, statistics)
    return handle, ADAPTOR.emitter(handle, statistics, found).emit(found.plan()), found


def test_a_pair_that_leaves_sixteen_bits_is_clipped() -> None:
    """255*127 + 255*127 = 64770 becomes 32767; 255*-128 + 255*-128 = -65280 becomes -32768; 255*127 - 255*1 fits."""
    codes = np.array([[255, 255]], np.uint8)
    weights = np.array([[127, -128, 127], [127, -128, -1]], np.int8)
    lost, count = pair_overflow(codes, weights)
    assert lost.tolist() == [[32767 - 64770, -32768 + 65280, 0]]
    assert count == 2


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_the_kernel_agrees_with_its_twin(seed: int, rows: int, pairs: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array([0, 1, 128, 129, 130, 254, 255], np.uint8), (rows, 2 * pairs))
    weights = rng.choice(np.array([-128, -127, -64, 0, 1, 64, 65, 127], np.int8), (2 * pairs, columns))
    lost, count = pair_overflow(codes, weights)
    twin, twin_count = pair_overflow_numpy(codes, weights)
    np.testing.assert_array_equal(lost, twin)
    assert count == twin_count


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": [2, 2]},
        {"group": 2},
        {"dilations": [2, 2]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER"},
    ],
)
def test_rows_and_columns_make_the_convolution_again(options: dict[str, Any]) -> None:
    """Without clipping, the products of codes and weights are the convolution of codes: so its places and groups are right."""
    b = Builder(seed=3)
    x = b.input("x", ["n", 6, 9, 7])
    if "auto_pad" in options:
        options = {"pads": [0] * 4, **options}
    attributes = {key: value for key, value in options.items() if key not in ("group", "pads")}
    inside = 6 // options.get("group", 1)
    pads = {} if "auto_pad" in options else {"pads": [1, 2, 1, 2]}
    y = b.node("Conv", b.node("Relu", x), b.constant(b.normal(4, inside, 3, 3, fan=9)), group=options.get("group", 1), **pads, **attributes)
    handle, made, _ = quantized(b.model((y, ["n", 4, "h", "w"])), Isa.AVX512_VNNI)
    (operator,) = coded_operators(made.native)
    end = operator.node.output[0]
    taps = Taps(made.native, {operator.source: TensorProto.UINT8, end: TensorProto.FLOAT})
    found = taps.run(batches(handle.native, count=1, size=3)[0])
    codes = found[operator.source]  # of a Relu: zero is the code 0, so padding is too
    products = [(rows.astype(np.int32) @ weights.astype(np.int32)).astype(np.int32) for rows, weights in rows_of(operator, codes)]
    np.testing.assert_allclose(from_rows(operator, codes, products), found[end], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("isa", [Isa.AVX2, Isa.AVX512])
def test_scales_for_a_saturating_target_cannot_overflow_and_others_can(isa: Isa) -> None:
    for model in (mlp(), resnet(), encoder()):
        _, plain, _ = quantized(model, Isa.AVX512_VNNI)
        _, widened, _ = quantized(model, isa)
        assert any(pairs_at_risk(operator) > 0.0 for operator in coded_operators(plain.native))
        assert all(pairs_at_risk(operator) == 0.0 for operator in coded_operators(widened.native))


def test_depthwise_convolutions_make_no_pairs() -> None:
    _, made, _ = quantized(depthwise(), Isa.AVX512_VNNI)
    alone = [operator for operator in coded_operators(made.native) if operator.weights.ndim == 4 and operator.weights.shape[1] == 1]
    assert len(alone) == 2
    assert all(pairs_at_risk(operator) == 0.0 for operator in alone)


@pytest.mark.parametrize("model", [depthwise, partial(depthwise, width=48), mlp, encoder])
def test_widened_scales_recover_what_clipping_costs_and_spend_no_bit(model: Any) -> None:
    handle, eight, _ = quantized(model(), Isa.AVX512_VNNI)
    feeds = batches(handle.native)
    references = [ADAPTOR.predict(handle, feed) for feed in feeds]
    before = saturation(eight.native, feeds, references)
    _, widened, found = quantized(model(), Isa.AVX512)
    after = saturation(widened.native, feeds, references)
    assert before.loss_db[0] > 10.0
    assert after.loss_db == (0.0,)
    assert after.clipped_db[0] - before.clipped_db[0] >= 0.8 * before.loss_db[0]
    assert {plan.weight.dtype.bits for plan in found.plan().ops.values() if plan.weight is not None} == {8}
    assert any("pairs of products would overflow" in note for note in widened.state.notes)
    assert not any("pairs of products would overflow" in note for note in eight.state.notes)


def test_operators_are_ranked_by_what_arrives_at_the_outputs() -> None:
    """The first alone loses more of an mlp's outputs than the second alone, and all together more than any."""
    handle, eight, _ = quantized(mlp(), Isa.AVX512_VNNI)
    feeds = batches(handle.native)
    found = saturation(eight.native, feeds, [ADAPTOR.predict(handle, feed) for feed in feeds])
    arriving = [row.arriving for row in found.operators]
    assert arriving == sorted(arriving, reverse=True)
    assert 0.0 < arriving[0] < 2.0 * 10.0 ** (-found.clipped_db[0] / 10.0)
    assert {row.name for row in found.operators} == {operator.name for operator in coded_operators(eight.native)}


def test_a_target_with_vnni_takes_eight_bits_everywhere() -> None:
    *_, found = quantized(encoder(), Isa.AVX512_VNNI)
    assert {plan.weight.dtype.bits for plan in found.plan().ops.values() if plan.weight is not None} == {8}


def test_a_plan_may_still_ask_for_seven_bits() -> None:
    handle, _, found = quantized(mlp(), Isa.AVX2)
    seven = IntegerType(7, signed=True)

    def narrowed(plan: OpPlan) -> OpPlan:
        return plan if plan.weight is None else attrs.evolve(plan, weight=attrs.evolve(plan.weight, dtype=seven))

    plan = found.plan()
    plan = attrs.evolve(plan, ops={op: narrowed(op_plan) for op, op_plan in plan.ops.items()})
    statistics = ADAPTOR.observe(handle, batches(handle.native), ADAPTOR.wanted(found, (plan,)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(plan)
    assert all(np.abs(operator.weights).max() <= 64 for operator in coded_operators(made.native))
    assert any("fewer than 8 bits" in note for note in made.state.notes)


def test_no_batches_are_refused() -> None:
    _, made, _ = quantized(mlp(), Isa.AVX512_VNNI)
    with pytest.raises(DataError, match="not a single batch"):
        saturation(made.native, [], [])
