"""Probes and the strategies that use them, on a real ONNX model with three operators that break when quantized."""

from typing import Any

import attrs
import numpy as np
import onnx
import pytest
from inc_adaptors.detect import adaptor_for
from inc_config import ExitPolicy, TuningConfig
from inc_config.named import Named
from inc_metrics import Accuracy
from inc_orchestrate import Evaluation, FitResult, Pipeline, Progress, Quantize
from inc_orchestrate.candidates import candidates
from inc_orchestrate.data import calibration_data
from inc_orchestrate.probes import Prober, noise_share
from inc_strategy import Probe, TrialStatus
from onnx import TensorProto, helper, numpy_helper

WIDTH, LAYERS, BROKEN = 64, 12, (2, 5, 9)


def fragile_model() -> onnx.ModelProto:
    """Twelve rotations with ReLU; before three of them one feature is multiplied by 10,000, and their weights divide it out again.

    In float nothing changes. In integers one range per tensor leaves nothing of the other 63 features: these three layers break.
    """
    random = np.random.default_rng(0)
    nodes, weights = [], []
    name = "x"
    for layer in range(LAYERS):
        matrix = np.linalg.qr(random.normal(size=(WIDTH, WIDTH)))[0] * np.sqrt(2.0)
        scale = np.ones(WIDTH)
        if layer in BROKEN:
            scale[0] = 1e4
        for kind, value in (("scale", scale), ("weight", matrix / scale[:, None])):
            weights.append(numpy_helper.from_array(value.astype(np.float32), f"{kind}{layer}"))
        nodes += [
            helper.make_node("Mul", [name, f"scale{layer}"], [f"scaled{layer}"], f"mul{layer}"),
            helper.make_node("MatMul", [f"scaled{layer}", f"weight{layer}"], [f"product{layer}"], f"layer{layer}"),
            helper.make_node("Relu", [f"product{layer}"], [f"y{layer}"], f"relu{layer}"),
        ]
        name = f"y{layer}"
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", WIDTH])]
    graph = helper.make_graph(nodes, "fragile", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@attrs.frozen(eq=False)
class Fragile:
    """The model, calibration batches, and evaluation batches labelled by the model itself (its accuracy is 1)."""

    proto: onnx.ModelProto
    calibration: list[np.ndarray]
    evaluation: list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def fragile() -> Fragile:
    proto = fragile_model()
    adaptor = adaptor_for(proto)
    predict = adaptor.predictor(adaptor.open(proto))
    random = np.random.default_rng(1)
    batches = [random.normal(size=(50, WIDTH)).astype(np.float32) for _ in range(8)]
    return Fragile(proto, batches[:2], [(batch, predict(batch)[0].argmax(1)) for batch in batches[2:]])


def fit(fragile: Fragile, strategy: str, **args: Any) -> FitResult:
    tuning = TuningConfig(strategy=Named(strategy, args), exit_policy=ExitPolicy(max_trials=40))
    step = Quantize(accuracy_loss=0.3, exclude_types=["Mul", "Relu"], tuning=tuning)
    evaluate = Evaluation(fragile.evaluation, Accuracy())
    progress = Progress(quiet=True)
    return Pipeline([step], calibrate=fragile.calibration, evaluate=evaluate, benchmark=False, progress=progress).fit(fragile.proto)


def back_in_float(result: FitResult) -> set[str]:
    return {row.op for row in result.summary.operators if row.reason.startswith("fallback")}


def prober(fragile: Fragile) -> tuple[Prober, Any]:
    adaptor = adaptor_for(fragile.proto)
    handle = adaptor.open(fragile.proto)
    config = Quantize(exclude_types=["Mul", "Relu"])
    data = calibration_data(fragile.calibration, samples=100, signature=handle.signature)
    quiet = Progress(quiet=True)
    found = candidates(adaptor, handle, config, example=data.first, calibration=data, progress=quiet)
    made = Prober(adaptor=adaptor, original=handle, emitter=found.emitter, batches=found.kept, progress=quiet)
    return made, found.capabilities.plan()


def layers(scores: Any, *, worst: int) -> set[str]:
    return {op.scope for op in sorted(scores, key=lambda op: -scores[op])[:worst]}


def test_sensitivity_first_finds_exactly_the_operators_that_break(fragile: Fragile) -> None:
    result = fit(fragile, "sensitivity_first")
    assert result.is_feasible
    assert back_in_float(result) == {f"layer{layer}" for layer in BROKEN}
    # The default, the three that the ranking says, and each of the three quantized again.
    assert len(result.summary.trials) == 5
    assert result.summary.stop_reason == f"3 of {LAYERS} operators must stay in float, no fewer were found"


@pytest.mark.parametrize("strategy", ["mse", "mse_v2", "latency_guided"])
def test_strategies_with_probes_find_a_model_with_the_three_in_float(fragile: Fragile, strategy: str) -> None:
    result = fit(fragile, strategy)
    assert result.is_feasible
    assert back_in_float(result) >= {f"layer{layer}" for layer in BROKEN}


@pytest.mark.parametrize("strategy", ["auto", "basic", "conservative", "exhaustive", "random"])
def test_strategies_without_probes_run_on_a_real_model(fragile: Fragile, strategy: str) -> None:
    assert fit(fragile, strategy).outcome is not None


class OnlyEmits:
    """An emitter that makes whole models only."""

    def __init__(self, emitter: Any) -> None:
        self.emit = emitter.emit


def test_the_error_alone_is_that_of_a_model_with_only_this_operator_quantized(fragile: Fragile) -> None:
    isolating, plan = prober(fragile)
    made = attrs.evolve(isolating, emitter=OnlyEmits(isolating.emitter))
    result = made.run(4, Probe("mse", plan, plan.quantized))
    assert result.index == 4
    assert result.status is TrialStatus.COMPLETE
    assert layers(result.scores, worst=3) == {f"layer{layer}" for layer in BROKEN}
    op = plan.quantized[5]
    alone = made.emitter.emit(plan.with_float(other for other in plan.quantized if other != op))
    wanted = np.concatenate([made.adaptor.predict(made.original, batch)[0] for batch in fragile.calibration]).astype(np.float64)
    given = np.concatenate([made.adaptor.predict(alone, batch)[0] for batch in fragile.calibration]).astype(np.float64)
    assert result.scores[op] == pytest.approx(np.square(given - wanted).sum() / np.square(wanted).sum())


def test_operators_in_isolation_rank_as_in_models_of_their_own(fragile: Fragile) -> None:
    made, plan = prober(fragile)
    result = made.run(4, Probe("mse", plan, plan.quantized))
    assert result.index == 4
    assert result.status is TrialStatus.COMPLETE
    assert layers(result.scores, worst=3) == {f"layer{layer}" for layer in BROKEN}
    exact = attrs.evolve(made, emitter=OnlyEmits(made.emitter)).run(4, Probe("mse", plan, plan.quantized)).scores
    for op in plan.quantized:
        assert 0.5 < result.scores[op] / exact[op] < 2.0


def test_the_error_that_goes_away_is_largest_for_the_last_that_breaks(fragile: Fragile) -> None:
    made, plan = prober(fragile)
    healthy = plan.with_float(op for op in plan.quantized if op.scope in ("layer2", "layer5"))
    result = made.run(0, Probe("output_mse", healthy, healthy.quantized))
    assert layers(result.scores, worst=1) == {"layer9"}


def test_latency_is_measured_for_as_many_operators_as_there_is_time(fragile: Fragile) -> None:
    made, plan = prober(fragile)
    result = made.run(0, Probe("latency", plan, plan.quantized[:2], batches=1))
    assert set(result.scores) == set(plan.quantized[:2])
    assert all(abs(score) < 0.01 for score in result.scores.values())
    short = made.run(0, Probe("latency", plan, plan.quantized, batches=1, budget_s=1e-6))
    assert len(short.scores) == 0
    assert made.progress.notes == [f"probe latency: 0 of {LAYERS} operators in the 1e-06 s it was given"]


def test_a_probe_that_cannot_be_done_has_an_error_and_no_scores(fragile: Fragile) -> None:
    made, plan = prober(fragile)
    unknown = made.run(0, Probe("hessian", plan, plan.quantized))
    assert unknown.status is TrialStatus.FAILED
    assert "There is no probe 'hessian'" in (unknown.error or "")
    without = attrs.evolve(made, batches=()).run(0, Probe("mse", plan, plan.quantized))
    assert "There is no data to probe with" in (without.error or "")


@pytest.mark.parametrize(
    ("made", "wanted", "expected"),
    [
        ([1.0, 2.0], [1.0, 1.0], 0.5),  # (0 + 1) / (1 + 1)
        ([0.0], [0.0], 0.0),
        ([1.0], [0.0], 1e30),
        ([np.inf], [1.0], 1e30),
        ([np.nan], [1.0], 1e30),
    ],
)
def test_noise_is_a_share_of_the_signal(made: list[float], wanted: list[float], expected: float) -> None:
    assert noise_share([np.array(made)], [np.array(wanted)]) == expected
