"""Evaluators on a real ONNX model whose outputs are known: it returns its input, shape (N, 3)."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnx
import pytest
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config.errors import DataError, EvaluationError
from inc_metrics import Accuracy, TopK
from inc_orchestrate import Evaluation, LabelFree
from inc_orchestrate.evaluation import MetricEvaluator
from inc_orchestrate.label_free import LabelFreeEvaluator
from inc_orchestrate.scoring import CallableEvaluator, Score
from onnx import TensorProto, helper


def scaled(factors: list[float]) -> onnx.ModelProto:
    """y = x * factors, shape (N, 3)."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "factors"], ["y"], name="scale")],
        "scaled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor("factors", TensorProto.FLOAT, [3], factors)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def opened(model: onnx.ModelProto) -> tuple[Adaptor, ModelHandle]:
    adaptor = adaptor_for(model)
    return adaptor, adaptor.open(model)


ONES = [1.0, 1.0, 1.0]
SCORES = np.array([[3, 1, 0], [0, 2, 1], [1, 0, 5], [4, 3, 0]], dtype=np.float32)  # classes 0, 1, 2, 0
LABELS = np.array([0, 1, 2, 1])


def evaluate(evaluation: Evaluation) -> Score:
    return MetricEvaluator(evaluation).evaluate(*opened(scaled(ONES)))


def right(predictions: np.ndarray, targets: np.ndarray) -> float:
    return float((predictions.argmax(1) == targets).mean())


@pytest.mark.parametrize(
    "metric",
    [Accuracy(), Accuracy, partial(Accuracy, task="multiclass"), right, "accuracy", [Accuracy(), "topk"]],
    ids=["object", "class", "factory", "function", "name", "several"],
)
def test_a_metric_may_be_an_object_a_class_a_factory_a_function_or_a_name(metric: Any) -> None:
    evaluation = Evaluation([(SCORES[:3], LABELS[:3]), (SCORES[3:], LABELS[3:])], metric)
    assert evaluation.faults() == ()
    found = evaluate(evaluation)
    assert found.value == 0.75  # the last of four is wrong
    assert found.samples == 4


def test_every_evaluation_starts_anew() -> None:
    evaluator = MetricEvaluator(Evaluation([(SCORES, LABELS)], [Accuracy(), TopK(k=2)]))
    first = evaluator.evaluate(*opened(scaled(ONES)))
    # Negated scores: the lowest becomes the best; classes 2, 0, 1, 2 against 0, 1, 2, 1.
    assert evaluator.evaluate(*opened(scaled([-1.0, -1.0, -1.0]))).value == 0.0
    assert evaluator.evaluate(*opened(scaled(ONES))) == first
    assert first.others == (("topk", 1.0),)


def test_postprocess_stands_between_outputs_and_metric() -> None:
    found = evaluate(Evaluation([(SCORES, LABELS)], Accuracy(), postprocess=lambda outputs: outputs.argmax(axis=1)))
    assert found.value == 0.75


def test_empty_data_and_missing_targets_are_refused() -> None:
    with pytest.raises(DataError, match="evaluation data is empty"):
        evaluate(Evaluation([], Accuracy()))
    with pytest.raises(DataError, match=r"no targets: float32\[4, 3\]"):
        evaluate(Evaluation([SCORES], Accuracy()))


def test_inputs_that_do_not_fit_show_both_sides() -> None:
    with pytest.raises(DataError, match=r"float32\[4, 2\].*x: float32\[\?, 3\]"):
        evaluate(Evaluation([(SCORES[:, :2], LABELS)], Accuracy()))


@pytest.mark.parametrize(
    ("data", "metric", "message"),
    [
        (iter([(SCORES, LABELS)]), Accuracy(), "can be read only once"),
        (3, Accuracy(), "A int is not a source of batches"),
        ([(SCORES, LABELS)], "acuracy", "Unknown metric 'acuracy'"),
        ([(SCORES, LABELS)], 3, "A int is no metric"),
        ([(SCORES, LABELS)], [], "There is no metric"),
    ],
)
def test_faults_are_found_without_reading(data: Any, metric: Any, message: str) -> None:
    (found,) = Evaluation(data, metric).faults()
    assert message in found.what


def boom(*_: Any) -> float:
    raise ZeroDivisionError("no classes")


def test_what_a_metric_or_postprocess_raises_is_the_evaluations() -> None:
    with pytest.raises(EvaluationError, match="raised ZeroDivisionError: no classes"):
        evaluate(Evaluation([(SCORES, LABELS)], Accuracy(), postprocess=boom))
    with pytest.raises(EvaluationError, match="raised"):
        evaluate(Evaluation([(SCORES, LABELS[:2])], Accuracy()))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda _: None, "returned None instead of a number"),
        (lambda _: "0.9", r"returned a str \(0.9\) instead of a number"),
        (lambda _: {"accuracy": 0.9}, "returned a dict"),
        (lambda _: True, "returned a bool"),
        (lambda _: np.ones(2), "returned a ndarray"),
        (lambda _: float("nan"), "returned nan"),
        (lambda _: np.float32("inf"), "returned inf"),
        (boom, "raised ZeroDivisionError: no classes"),
    ],
)
def test_a_callable_that_raises_or_gives_no_finite_number_is_an_error(function: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        CallableEvaluator(function).evaluate(*opened(scaled(ONES)))


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.array(0.5), np.int64(2)])
def test_any_real_number_will_do(value: Any) -> None:
    assert CallableEvaluator(lambda _: value).evaluate(*opened(scaled(ONES))).value == float(value)


def test_class_scores_are_judged_by_top_1_agreement() -> None:
    adaptor, original = opened(scaled(ONES))
    evaluator = LabelFreeEvaluator(LabelFree([SCORES[:2], SCORES[2:]]), adaptor, original)
    assert evaluator.metric == "top-1 agreement with the original (label-free)"
    assert evaluator.evaluate(adaptor, original) == Score(value=1.0, samples=4)
    # With the first column's scores at one half, row 3 (4, 3, 0) becomes (2, 3, 0): one of four disagrees. Signal 66, noise
    # (9 + 0 + 1 + 16) / 4 = 6.5.
    changed = evaluator.evaluate(*opened(scaled([0.5, 1.0, 1.0])))
    assert changed.value == 0.75
    ((name, sqnr),) = changed.others
    assert name == "SQNR in dB"
    assert sqnr == pytest.approx(10 * math.log10(66 / 6.5), abs=1e-6)


def test_other_outputs_are_judged_by_their_noise() -> None:
    def one_column(factor: float) -> onnx.ModelProto:
        graph = helper.make_graph(
            [helper.make_node("Mul", ["x", "factor"], ["y"], name="scale")],
            "regression",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
            [helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor])],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)

    adaptor, original = opened(one_column(1.0))
    evaluator = LabelFreeEvaluator(LabelFree([SCORES[:, :1]]), adaptor, original)
    assert evaluator.metric == "fidelity to the original (label-free)"
    # A tenth of every value is missing: noise power is 0.01 of the signal's.
    assert evaluator.evaluate(*opened(one_column(0.9))).value == pytest.approx(0.99, abs=1e-6)
