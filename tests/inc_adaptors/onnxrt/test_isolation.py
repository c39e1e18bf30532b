"""One integer operator in the optimized float graph makes the noise of a model of its own, and costs no whole model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from graphs import Builder, batches, branches, depthwise, encoder, mlp, resnet
from inc_adaptors.onnxrt import isolation as isolating
from inc_adaptors.onnxrt.isolation import Isolation
from inc_adaptors.statistics.store import Statistics
from inc_config.dtypes import BF16
from inc_config.plan import OpId, OpPlan, QuantizationPlan
from inc_config.target import Runtime, Target
from onnx import ModelProto, TensorProto, helper
from test_emission import ADAPTOR, TARGET, Calibrated, calibrated

Outputs = tuple[np.ndarray[Any, Any], ...]


def recurrent() -> ModelProto:
    """An LSTM over 6 steps of 8 features, whose last state a Gemm reads; three outputs, of which two are used."""
    b = Builder()
    x = b.node("Transpose", b.input("x", ["n", 6, 8]), perm=[1, 0, 2])
    w, r = (b.constant(b.normal(1, 64, width, fan=width)) for width in (8, 16))
    y, last, _ = b.node("LSTM", x, w, r, outputs=3, name="lstm", hidden_size=16)
    pooled = b.node("ReduceMean", y, axes=[0, 1], keepdims=0)
    head = b.gemm(b.node("Squeeze", last, b.constant(np.array([0], np.int64))), 16, 8, name="head")
    joined = b.node("Concat", head, pooled, axis=1)
    return b.model((joined, ["n", 24]))


def narrow() -> ModelProto:
    """Convolutions of 6 channels, which fill no block, one read by two others, and a Sigmoid behind another."""
    b = Builder()
    y = b.node("Relu", b.conv(b.input("x", ["n", 3, 8, 8]), 3, 6, name="first"))
    left, right = b.conv(y, 6, 6, name="left"), b.node("Sigmoid", b.conv(y, 6, 8, name="right"))
    y = b.node("Concat", b.node("LeakyRelu", left, alpha=0.1), right, axis=1)
    return b.model((b.conv(y, 14, 4, name="last"), ["n", 4, 8, 8]))


def conditional() -> ModelProto:
    """A subgraph that reads what a convolution made."""
    b = Builder()
    y = b.node("Relu", b.conv(b.input("x", ["n", 3, 8, 8]), 3, 16, name="first"))
    z = b.conv(y, 16, 16, name="second")
    ends = []
    for name, kind in (("then", "Relu"), ("else", "Neg")):
        value = helper.make_tensor_value_info(f"{name}_out", 1, None)
        ends.append(helper.make_graph([helper.make_node(kind, [z], [f"{name}_out"])], name, [], [value]))
    chosen = b.node("If", b.constant(np.array(True)), then_branch=ends[0], else_branch=ends[1])
    made = b.node("Add", y, chosen)
    return b.model((b.conv(made, 16, 4, k=1, name="last"), ["n", 4, 8, 8]))


def padded() -> ModelProto:
    """A Pad before a convolution, which onnxruntime folds into it, and a Dropout, which it drops."""
    b = Builder()
    y = b.node("Relu", b.conv(b.input("x", ["n", 3, 8, 8]), 3, 16, name="first"))
    y = b.node("Pad", y, b.constant(np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64)))
    y = b.node("Dropout", b.node("Relu", b.conv(y, 16, 16, name="second", pads=[0, 0, 0, 0], strides=[2, 2])))
    return b.model((b.conv(y, 16, 4, k=1, name="last"), ["n", 4, 4, 4]))


def transposed() -> ModelProto:
    """Convolutions between transpositions, as exporters of models with channels last write them, which onnxruntime moves and drops."""
    b = Builder()
    y = b.input("x", ["n", 8, 8, 3])
    inside = 3
    for out in (16, 16, 8):
        y = b.node("Transpose", b.conv(b.node("Transpose", y, perm=[0, 3, 1, 2]), inside, out), perm=[0, 2, 3, 1])
        y = b.node("Relu", b.node("Add", y, b.constant(np.float32(0.5))))
        inside = out
    y = b.linear(y, 8, 8)
    return b.model((b.node("Transpose", y, perm=[0, 3, 1, 2]), ["n", 8, 8, 8]))


def activated() -> ModelProto:
    """Every activation that onnxruntime takes into a convolution, and one that it does not."""
    b = Builder()
    y = b.input("x", ["n", 16, 8, 8])
    for kind, attributes in (("Relu", {}), ("Sigmoid", {}), ("LeakyRelu", {"alpha": 0.1}), ("HardSigmoid", {}), ("Tanh", {})):
        y = b.node(kind, b.conv(y, 16, 16), **attributes)
    y = b.node("HardSwish", b.clip6(b.conv(b.conv(y, 16, 16), 16, 16)))
    y = b.node("Elu", b.conv(y, 16, 16))
    return b.model((b.conv(y, 16, 4, k=1), ["n", 4, 8, 8]))


@contextmanager
def isolated(found: Calibrated, plan: QuantizationPlan | None = None) -> Iterator[Isolation]:
    plan = plan or found.plan
    made = ADAPTOR.emitter(found.handle, found.statistics, found.capabilities).isolation(plan, plan.quantized)
    assert made is not None
    with closing(made):
        yield made


def noises(made: Outputs, reference: Outputs) -> float:
    return sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(made, reference, strict=True))


def whole(found: Calibrated, plan: QuantizationPlan, op: OpId, feed: Any) -> Outputs:
    return ADAPTOR.predict(found.emit(plan.with_float(set(plan.quantized) - {op})), feed)


MODELS: list[Callable[[], ModelProto]] = [
    resnet,
    depthwise,
    mlp,
    encoder,
    branches,
    recurrent,
    narrow,
    conditional,
    padded,
    transposed,
    activated,
]


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("unfollowed", [isolating._UNFOLLOWED, ()], ids=["usual", "every optimizer"])
def test_every_operator_alone_makes_the_noise_of_a_model_of_its_own(
    make: Callable[[], ModelProto], unfollowed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where onnxruntime fuses what it can: what is not to be found afterwards is a whole model."""
    monkeypatch.setattr(isolating, "_UNFOLLOWED", unfollowed)
    found = calibrated(make())
    feed = batches(found.model)[0]
    reference = ADAPTOR.predict(found.handle, feed)
    with isolated(found) as made:
        assert {op for op in found.plan.quantized if op.type in ("Conv", "Gemm", "MatMul", "LSTM")} <= set(made.ops)
        run = made.floats(feed, made.ops)
        for op in made.ops:
            expected = noises(whole(found, found.plan, op, feed), run.outputs)
            # Codes at the edge of two may fall either way in kernels that add in another order: a twentieth of the noise at most.
            assert noises(made.alone(op)(run), reference) == pytest.approx(expected, rel=0.05), op
            assert expected > 0.0


@pytest.mark.parametrize(
    "recipes", [{"graph_format": "qoperator"}, {"dedicated_qdq_pair": True}, {"fast_bias_correction": True}, {"weight_correction": True}]
)
def test_recipes_are_obeyed(recipes: dict[str, Any]) -> None:
    found = calibrated(resnet(batch_norm=False))
    plan = attrs.evolve(found.plan, recipes=recipes)
    wanted = ADAPTOR.wanted(found.capabilities, (plan,))
    found = attrs.evolve(found, statistics=ADAPTOR.observe(found.handle, batches(found.model), wanted))
    feed = batches(found.model)[0]
    with isolated(found, plan) as made:
        for op in made.ops[:4]:
            run = made.floats(feed, (op,))
            assert noises(made.alone(op)(run), run.outputs) == pytest.approx(noises(whole(found, plan, op, feed), run.outputs), rel=0.05)


@pytest.mark.parametrize("make", [resnet, depthwise, encoder, recurrent, activated])
def test_no_operator_of_the_usual_networks_needs_a_whole_model(make: Callable[[], ModelProto], monkeypatch: pytest.MonkeyPatch) -> None:
    found = calibrated(make())

    def refuse(*args: Any, **kwargs: Any) -> Any:
        pytest.fail("a whole model was loaded")

    with isolated(found) as made:
        monkeypatch.setattr(isolating, "create_session", refuse)
        run = made.floats(batches(found.model)[0], made.ops)
        assert all(len(made.alone(op)(run)) == 1 for op in made.ops)


def test_an_operator_runs_only_what_follows_it() -> None:
    found = calibrated(mlp())
    with isolated(found) as made:
        sizes = [sum(node.op_type in ("Gemm", "FusedGemm") for node in made._splices[op].nodes) for op in made.ops]
    assert sizes == [2, 1, 0]


def test_operators_that_start_no_codes_have_no_effect_alone() -> None:
    found = calibrated(resnet())
    with isolated(found) as made:
        assert {op.type for op in set(found.plan.quantized) - set(made.ops)} == {"Add", "GlobalAveragePool", "Flatten", "MaxPool"}


def test_dynamic_ranges_are_found_alone_too() -> None:
    found = calibrated(mlp())
    plan = found.capabilities.plan(lambda option: option.is_dynamic)
    assert all(plan.ops[op].is_dynamic for op in plan.quantized)
    feed = batches(found.model)[0]
    with isolated(found, plan) as made:
        assert len(made.ops) == 3
        for op in made.ops:
            run = made.floats(feed, (op,))
            assert noises(made.alone(op)(run), run.outputs) == pytest.approx(noises(whole(found, plan, op, feed), run.outputs), rel=0.05)


def test_plans_whose_operators_cannot_be_told_apart_are_left_to_whole_models() -> None:
    found = calibrated(encoder())
    emitter = ADAPTOR.emitter(found.handle, found.statistics, found.capabilities)
    smoothed = attrs.evolve(found.plan, recipes={"smooth_quant": {"alphas": [0.5]}})
    mixed = found.plan.with_ops({found.plan.quantized[0]: OpPlan(compute_dtype=BF16)})
    elsewhere = attrs.evolve(found.plan, target=Target(runtime=Runtime.TENSORRT, isa=found.plan.target.isa))
    for plan in (smoothed, mixed, elsewhere):
        assert emitter.isolation(plan, plan.quantized) is None


def test_a_plan_for_openvino_makes_the_same_noise() -> None:
    """onnxruntime computes both; what else a whole model for OpenVINO would make it round plays no part.

    Only a convolution that nobody reads as codes is not rounded behind it.
    """
    found = calibrated(resnet(batch_norm=False))
    feed = batches(found.model)[0]
    there = attrs.evolve(found.plan, target=Target(runtime=Runtime.OPENVINO, isa=found.plan.target.isa))
    with isolated(found) as here, isolated(found, there) as other:
        assert here.ops == other.ops
        for op in here.ops:
            runs = [each.floats(feed, (op,)) for each in (here, other)]
            first, second = (noises(each.alone(op)(run), run.outputs) for each, run in zip((here, other), runs, strict=True))
            assert second < first if op.type == "Conv" else first == pytest.approx(second)


def test_inputs_of_text_are_left_to_whole_models() -> None:
    model = mlp()
    model.graph.input.append(helper.make_tensor_value_info("label", TensorProto.STRING, ["n"]))
    handle = ADAPTOR.open(model)
    capabilities = ADAPTOR.capabilities(handle, TARGET)
    emitter = ADAPTOR.emitter(handle, Statistics(values={}, samples=0), capabilities)
    assert emitter.isolation(capabilities.plan(), capabilities.plan().quantized) is None


def test_without_a_place_for_temporary_files_there_is_no_isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = calibrated(mlp())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert ADAPTOR.emitter(found.handle, found.statistics, found.capabilities).isolation(found.plan, found.plan.quantized) is None


def test_temporary_files_are_gone_when_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = calibrated(resnet())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with isolated(found) as made:
        run = made.floats(batches(found.model)[0], made.ops)
        made.alone(made.ops[0])(run)
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
