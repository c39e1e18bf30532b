"""Products of two activations: where their quantizers are part of another product, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import attrs
import numpy as np
import onnx
import pytest
from graphs import Builder, batches, encoder, run
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.capabilities import Capabilities, ReasonCode
from inc_config.dtypes import UINT8, Scheme
from inc_config.errors import PlanError
from inc_config.frozen import FrozenMap
from inc_config.plan import OpId, QuantizationPlan, RangeSource, TensorPlan
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, numpy_helper

ADAPTOR = OnnxrtAdaptor(threads=1)
OPENVINO = Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI)
SCORES = OpId("scores", 0, "MatMul")


def moved(b: Builder, x: str) -> str:
    return str(b.node("Reshape", x, b.constant(np.array([0, 0, 2, 16], np.int64))))


def swapped(b: Builder, x: str) -> str:
    return str(b.node("Transpose", moved(b, x), perm=[0, 2, 1, 3]))


def scaled(b: Builder, x: str) -> str:
    return str(b.node("Mul", swapped(b, x), b.constant(np.float32(0.25))))


def divided(b: Builder, x: str) -> str:
    return str(b.node("Div", swapped(b, x), b.constant(np.array([4.0], np.float32))))


def scaled_by_channel(b: Builder, x: str) -> str:
    return str(b.node("Mul", swapped(b, x), b.constant(np.linspace(0.5, 2.0, 16).astype(np.float32))))


def scaled_at_run_time(b: Builder, x: str) -> str:
    size = b.node("Cast", b.node("Slice", b.node("Shape", x), *(b.constant(np.array([at], np.int64)) for at in (1, 2))), to=1)
    return str(b.node("Mul", swapped(b, x), size))


def inverted(b: Builder, x: str) -> str:
    return str(b.node("Div", b.constant(np.float32(1.0)), swapped(b, x)))


def squashed(b: Builder, x: str) -> str:
    return swapped(b, b.node("Tanh", x))


def attention(left: Callable[[Builder, str], str] = swapped, *, bias: bool = True, heard: bool = False) -> ModelProto:
    """Queries made by ``left``, keys of a plain projection; ``heard``: the queries' projection is an output too."""
    b = Builder(seed=0)
    x = b.input("x", ["n", 6, 32])
    queries = b.linear(x, 32, 32, bias=bias, name="queries")
    keys = b.node("Transpose", moved(b, b.linear(x, 32, 32, bias=bias, name="keys")), perm=[0, 2, 3, 1])
    scores = b.node("MatMul", left(b, queries), keys, name="scores")
    seen = b.node("MatMul", b.node("Softmax", scores), swapped(b, b.linear(x, 32, 32, name="values")), name="mixed")
    joined = b.node("Reshape", b.node("Transpose", seen, perm=[0, 2, 1, 3]), b.constant(np.array([0, 0, 32], np.int64)))
    outputs = [(b.linear(b.node("LayerNormalization", joined, b.constant(np.ones(32, np.float32))), 32, 4, name="head"), ["n", 6, 4])]
    return b.model(*outputs, *([(queries, ["n", 6, 32])] if heard else []))


def known(model: ModelProto, target: Target = OPENVINO) -> tuple[Any, Any, Capabilities]:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, target)
    statistics = ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (found.plan(),)))
    return handle, statistics, ADAPTOR.guard(handle, found, statistics)


def is_open(model: ModelProto, target: Target = OPENVINO, op: OpId = SCORES) -> bool:
    return any(found.op == op and found.is_quantizable for found in ADAPTOR.capabilities(ADAPTOR.open(model), target).ops)


def emitted(model: ModelProto, plan: Callable[[QuantizationPlan], QuantizationPlan] = lambda plan: plan) -> ModelProto:
    handle, statistics, found = known(model)
    return ADAPTOR.emitter(handle, statistics, found).emit(plan(found.plan()), final=True).native  # type: ignore[no-any-return]


@pytest.mark.parametrize("left", [swapped, scaled, divided])
@pytest.mark.parametrize("bias", [True, False])
def test_what_projections_made_and_was_only_moved_since_is_read_as_codes(left: Callable[[Builder, str], str], bias: bool) -> None:
    assert is_open(attention(left, bias=bias))


@pytest.mark.parametrize("left", [scaled_by_channel, scaled_at_run_time, inverted, squashed])
def test_a_quantizer_that_would_run_by_itself_is_not_planned(left: Callable[[Builder, str], str]) -> None:
    assert not is_open(attention(left))


def test_floats_that_others_read_stay_floats() -> None:
    assert not is_open(attention(heard=True))


def test_what_softmax_made_is_no_projection() -> None:
    assert not is_open(attention(), op=OpId("mixed", 0, "MatMul"))


@pytest.mark.parametrize(
    "target",
    [
        Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AMX),
        Target(runtime=Runtime.TENSORRT),
        Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512),  # bytes of both signs would overflow pairs
    ],
)
def test_other_targets_gain_nothing_and_say_so(target: Target) -> None:
    found = next(op for op in ADAPTOR.capabilities(ADAPTOR.open(attention()), target).ops if op.op == SCORES)
    assert not found.is_quantizable
    assert found.reason is not None
    assert found.reason.code is ReasonCode.DYNAMIC_WEIGHT


def test_the_pairs_stand_right_behind_the_projections_and_give_the_models_answers() -> None:
    model = attention(scaled)
    made = emitted(model)
    makers = {name: node for node in made.graph.node for name in node.output}
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    for name in next(node for node in made.graph.node if node.name == SCORES.scope).input:
        node = makers[name]
        while node.op_type != "DequantizeLinear":
            node = makers[node.input[0]]
        quantizer = makers[node.input[0]]
        assert makers[quantizer.input[0]].op_type == "Add"
        assert makers[makers[quantizer.input[0]].input[0]].op_type == "MatMul"
        assert arrays[quantizer.input[2]].dtype == np.int8
        assert arrays[quantizer.input[2]] == 0
    onnx.checker.check_model(made)
    assert sqnr_db(model, made) > sqnr_db(model, emitted(model, lambda plan: plan.with_float([SCORES]))) - 1.0


def test_in_float_again_it_leaves_no_pair_behind() -> None:
    model = attention()
    count = {
        name: sum(node.op_type == "QuantizeLinear" for node in made.graph.node)
        for name, made in (("codes", emitted(model)), ("float", emitted(model, lambda plan: plan.with_float([SCORES]))))
    }
    assert count["codes"] == count["float"] + 2


def test_it_is_judged_alone_by_what_it_loses() -> None:
    handle, statistics, found = known(attention())
    isolation = ADAPTOR.emitter(handle, statistics, found).isolation(found.plan(), [SCORES])
    assert isolation is not None
    with closing(isolation):
        floats = isolation.floats(batches(handle.native)[0], [SCORES])
        noise = np.square(isolation.alone(SCORES)(floats)[0] - floats.outputs[0]).sum()
    assert noise > 0.0


def test_dynamic_ranges_are_refused() -> None:
    handle, statistics, found = known(attention())
    plan = found.plan()
    dynamic = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC, ranges=RangeSource.DYNAMIC)
    with pytest.raises(PlanError, match="scores: dynamic ranges"):
        ADAPTOR.emitter(handle, statistics, found).emit(plan.with_ops({SCORES: attrs.evolve(plan.ops[SCORES], inputs=(dynamic, dynamic))}))


@pytest.mark.parametrize("recipes", [{"smooth_quant": {"alphas": (0.5,)}}, {"bias_correction": True}, {"dedicated_qdq_pair": True}])
def test_recipes_go_with_it(recipes: dict[str, Any]) -> None:
    model = encoder()
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, OPENVINO)
    plan = attrs.evolve(found.plan(), recipes=FrozenMap(recipes))
    feeds = batches(model)
    statistics = ADAPTOR.observe(handle, feeds, ADAPTOR.wanted(found, (plan,)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(plan, final=True)
    assert sum(op.type == "MatMul" and p.is_quantized and p.weight is None for op, p in plan.ops.items()) == 2
    assert ADAPTOR.parity(handle, made, feeds)[0].sqnr_db > 25.0


def sqnr_db(model: ModelProto, made: ModelProto) -> float:
    signal = noise = 0.0
    for feed in batches(model, seed=2):
        wanted, got = (run(each, feed)[0] for each in (model, made))
        signal, noise = signal + np.square(wanted).sum(), noise + np.square(wanted - got).sum()
    return float(10.0 * np.log10(signal / noise))
