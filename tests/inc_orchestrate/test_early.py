"""Early verdicts: the right ones, sooner, over a real ONNX model whose outputs are its inputs."""

from typing import Any

import numpy as np
import onnx
import pytest
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config.errors import EvaluationError
from inc_config.tuning import AccuracyCriterion
from inc_metrics import Accuracy, TopK
from inc_metrics.regression.elementwise import MAE
from inc_orchestrate import Evaluation, Pipeline, Progress, Quantize
from inc_orchestrate.evaluation import MetricEvaluator
from inc_orchestrate.scoring import Terms
from inc_orchestrate.shuffled import Collector
from onnx import TensorProto, helper

CLASSES, SAMPLES = 4, 4000


def chosen(wrong: float) -> onnx.ModelProto:
    """Scores (N, 4) pass through where the fifth input is at least ``wrong`` (uniform in 0..1), else they are negated: a wrong answer."""
    nodes = [
        helper.make_node("Slice", ["x", "zero", "four", "one"], ["scores"]),
        helper.make_node("Slice", ["x", "four", "five", "one"], ["chance"]),
        helper.make_node("Sub", ["chance", "wrong"], ["difference"]),
        helper.make_node("Sign", ["difference"], ["sign"]),
        helper.make_node("Mul", ["scores", "sign"], ["y"]),
    ]
    weights = [
        helper.make_tensor(name, TensorProto.INT64, [1], [value]) for name, value in (("zero", 0), ("one", 1), ("four", 4), ("five", 5))
    ]
    weights.append(helper.make_tensor("wrong", TensorProto.FLOAT, [1], [wrong]))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 5])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])]
    graph = helper.make_graph(nodes, "chosen", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def linear_model() -> onnx.ModelProto:
    """The first four of the five inputs, by a matrix that can be quantized."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [5, 4], np.eye(5, 4, dtype=np.float32).ravel())
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 5])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], "linear")], "linear", inputs, outputs, [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def opened(wrong: float) -> tuple[Adaptor, ModelHandle]:
    proto = chosen(wrong)
    adaptor = adaptor_for(proto)
    return adaptor, adaptor.open(proto)


@pytest.fixture(scope="module")
def batches() -> list[Any]:
    """Sorted by class, as folders of images are; the wrong answers of a bad model all come at the end."""
    random = np.random.default_rng(0)
    labels = np.sort(random.integers(0, CLASSES, SAMPLES))
    chance = np.sort(random.random(SAMPLES))[::-1]
    x = np.concatenate([np.eye(CLASSES)[labels] + 1.0, chance[:, None]], axis=1).astype(np.float32)
    return [(x[start : start + 100], labels[start : start + 100]) for start in range(0, SAMPLES, 100)]


def judged(batches: list[Any], wrong: float, *, loss: float = 0.05, before: int = 0, metric: Any = None, **options: Any) -> Any:
    evaluator = MetricEvaluator(Evaluation(batches, metric or Accuracy(), **options))
    evaluator.evaluate(*opened(0.0))
    return evaluator.judge(*opened(wrong), Terms(criterion=AccuracyCriterion(loss=loss, kind="absolute"), before=before))


@pytest.mark.parametrize("metric", [Accuracy(), Accuracy, "accuracy", TopK(k=1)])
def test_a_bad_model_is_rejected_and_a_good_one_accepted_long_before_the_end(batches: list[Any], metric: Any) -> None:
    bad = judged(batches, 0.3, metric=metric)
    assert (bad.meets, bad.stopped_early) == (False, True)
    assert bad.score.samples <= SAMPLES // 10
    assert bad.score.value == pytest.approx(0.7, abs=0.15)
    good = judged(batches, 0.0, metric=metric)
    assert (good.meets, good.stopped_early) == (True, True)
    assert good.score.samples <= SAMPLES // 10


def test_later_trials_have_a_smaller_share_of_the_error_rate_and_take_longer_to_be_accepted(batches: list[Any]) -> None:
    first, hundredth = judged(batches, 0.01), judged(batches, 0.01, before=99)
    assert first.meets
    assert hundredth.meets
    assert hundredth.score.samples > first.score.samples


def test_what_all_the_data_decide_is_left_to_the_accuracy(batches: list[Any]) -> None:
    # 5 % wrong against an allowed 5 %: the verdict needs nearly all samples, whatever it is.
    close = judged(batches, 0.05)
    assert close.score.samples > SAMPLES // 2


def test_about_the_source_of_the_data_a_close_call_is_not_accepted(batches: list[Any]) -> None:
    close = judged(batches, 0.049, generalize=True)
    assert close.meets is False
    assert close.score.samples == SAMPLES


@pytest.mark.parametrize(
    "options",
    [
        {"error_rate": None},
        {"metric": [Accuracy(), Accuracy()], "weights": (1, 1)},
        {"metric": lambda p, t: float((p.argmax(1) == t).mean())},
    ],
    ids=["switched off", "weighted", "a function"],
)
def test_otherwise_all_the_data_are_evaluated(batches: list[Any], options: dict[str, Any]) -> None:
    found = judged(batches, 0.3, **options)
    assert (found.meets, found.stopped_early, found.score.samples) == (None, False, SAMPLES)


def test_metrics_without_known_bounds_need_them(batches: list[Any]) -> None:
    numbers = [(x, x[:, :4]) for x, _ in batches]
    assert not judged(numbers, 0.3, metric=MAE(), loss=0.1).stopped_early
    early = judged(numbers, 0.3, metric=MAE(), loss=0.1, bounds=(0.0, 4.0))
    assert (early.meets, early.stopped_early) == (False, True)


def test_samples_of_several_shapes_and_too_many_are_not_collected() -> None:
    ragged = Collector()
    ragged.add(np.zeros((2, 3)), np.zeros(2))
    ragged.add(np.zeros((2, 4)), np.zeros(2))
    assert ragged.shuffled(0) is None
    large = Collector(limit=100)
    large.add(np.zeros((2, 3)), np.zeros(2))
    large.add(np.zeros((2, 3)), np.zeros(2))
    assert large.shuffled(0) is None
    texts = Collector()
    texts.add(np.zeros((2, 3)), ["a", "b"])
    assert texts.shuffled(0) is None


def test_shuffled_pairs_stay_pairs_and_every_sample_comes_once() -> None:
    collector = Collector()
    for start in (0, 4, 8):
        numbers = np.arange(start, start + 4)
        collector.add({"a": numbers, "b": (numbers * 2, numbers[:, None] * 3)}, numbers * 5)
    shuffled = collector.shuffled(1)
    assert shuffled is not None
    seen = []
    for inputs, targets in shuffled:
        assert np.array_equal(inputs["b"][0], inputs["a"] * 2)
        assert np.array_equal(inputs["b"][1][:, 0], inputs["a"] * 3)
        assert np.array_equal(targets, inputs["a"] * 5)
        seen += list(inputs["a"])
    assert seen == list(shuffled.order)
    assert sorted(seen) == list(range(12))
    assert seen != list(range(12))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": (1.0,)}, "2 metrics and the weights"),
        ({"weights": (1.0, -1.0)}, "2 metrics and the weights"),
        ({"weights": (0.0, 0.0)}, "2 metrics and the weights"),
        ({"weights": (1.0, 1.0), "every": True}, "Both weights and every"),
        ({"error_rate": 1.0}, "error_rate is 1.0"),
        ({"error_rate": None, "generalize": True}, "generalize needs"),
    ],
)
def test_options_that_make_no_sense_are_found_before_any_work(batches: list[Any], options: dict[str, Any], message: str) -> None:
    (fault,) = Evaluation(batches, [Accuracy(), "topk"], **options).faults()
    assert isinstance(fault, EvaluationError)
    assert message in fault.what


def test_weights_judge_the_mean_with_opposite_directions_negative(batches: list[Any]) -> None:
    def error(predictions: Any, targets: Any) -> float:
        return float((predictions.argmax(1) != targets).mean())

    error.higher_is_better = False  # type: ignore[attr-defined]  # how a function says its direction
    evaluator = MetricEvaluator(Evaluation(batches, [Accuracy(), error], weights=(3, 1)))
    # Accuracy 0.7 and error 0.3 by 3 : 1 are (3 * 0.7 - 0.3) / 4 = 0.45, within what 4000 draws of the wrong answers scatter.
    score = evaluator.evaluate(*opened(0.3))
    values = dict(score.others)
    assert score.value == pytest.approx((3 * values["accuracy"] - values["error"]) / 4)
    assert score.value == pytest.approx(0.45, abs=0.03)
    assert evaluator.metric == "weighted mean of accuracy, error"


def test_every_metric_must_keep_its_share(batches: list[Any]) -> None:
    def error(predictions: Any, targets: Any) -> float:
        return 0.1 + float((predictions.argmax(1) != targets).mean())

    error.higher_is_better = False  # type: ignore[attr-defined]  # how a function says its direction
    evaluator = MetricEvaluator(Evaluation(batches, [Accuracy(), error], every=True))
    assert evaluator.evaluate(*opened(0.0)).value == 1.0
    # The accuracy keeps 0.95, but the error grows from 0.1 to 0.15, by half: that is the worse one.
    assert evaluator.evaluate(*opened(0.05)).value == pytest.approx(0.5, abs=0.1)
    assert evaluator.higher_is_better


def test_no_share_of_nothing_can_be_kept(batches: list[Any]) -> None:
    evaluator = MetricEvaluator(Evaluation(batches, [Accuracy()], every=True))
    with pytest.raises(EvaluationError, match="original's accuracy is 0"):
        evaluator.evaluate(*opened(2.0))


def test_confirmation_has_an_interval_that_may_contradict_the_criterion(batches: list[Any]) -> None:
    adaptor, original = opened(0.0)
    _, final = opened(0.1)
    found = MetricEvaluator(Evaluation(batches, Accuracy())).confirm(adaptor, original, final)
    assert found.original == 1.0
    # Of 4000 samples about 400 are lost: the standard error is sqrt(0.1 * 0.9 / 4000) = 0.0047, twice that on each side of -0.1.
    assert found.interval is not None
    assert found.interval == pytest.approx((found.final - 1.0 - 0.0093, found.final - 1.0 + 0.0093), abs=0.001)
    assert found.contradicts(AccuracyCriterion(loss=0.05))
    assert not found.contradicts(AccuracyCriterion(loss=0.1))


def test_confirmation_by_a_function_has_no_interval_and_contradicts_nothing(batches: list[Any]) -> None:
    adaptor, original = opened(0.0)
    metric = lambda predictions, targets: float((predictions.argmax(1) == targets).mean())  # noqa: E731  (a user's own function)
    found = MetricEvaluator(Evaluation(batches, metric)).confirm(adaptor, original, opened(0.1)[1])
    assert found.interval is None
    assert not found.contradicts(AccuracyCriterion(loss=0.0))


def test_a_run_is_confirmed_once_on_its_own_data_and_overlaps_are_said(batches: list[Any]) -> None:
    given = {"calibrate": [x for x, _ in batches[:2]], "evaluate": Evaluation(batches[2:20], Accuracy()), "benchmark": False}
    step = Quantize(accuracy_loss=0.5, approach="static")
    small = linear_model()
    for confirm, notes in ((batches[20:], 0), (batches[19:], 1), (batches, 2)):
        progress = Progress(quiet=True)
        result = Pipeline([step], confirm=Evaluation(confirm, Accuracy()), progress=progress, **given).fit(small)
        assert result.summary.accuracy.confirmed_interval is not None
        assert sum("the confirmation is not independent" in note for note in progress.notes) == notes
    assert "95 % interval of the difference" in " ".join(str(result).split())
