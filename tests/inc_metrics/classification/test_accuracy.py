"""Accuracy in each task and layout, against scikit-learn and by hand."""

import numpy as np
import pytest
from inc_metrics import Accuracy, MetricValueError, Task, accuracy
from sklearn.metrics import accuracy_score, hamming_loss

# Rows 0 and 2 have their largest score on the target; row 1 has it on class 0 instead of 2; row 3 ties, the first class wins.
SCORES = np.array([[0.1, 2.0, 0.3], [5.0, 1.0, 4.0], [-1.0, -2.0, 0.0], [7.0, 7.0, 1.0]], dtype=np.float32)
TARGETS = np.array([1, 2, 2, 0])


@pytest.mark.parametrize(
    ("predictions", "targets"),
    [
        (SCORES, TARGETS),
        (SCORES.tolist(), TARGETS.tolist()),
        (SCORES, TARGETS[:, np.newaxis]),
        (SCORES, TARGETS.astype(np.float32)),
        (SCORES.astype(np.float16), TARGETS.astype(np.uint8)),
        ((SCORES * 10).astype(np.int8), TARGETS),
        (SCORES.argmax(1), TARGETS),
        (SCORES.argmax(1)[:, np.newaxis], TARGETS),
    ],
)
def test_multiclass_in_every_layout(predictions: object, targets: object) -> None:
    assert accuracy(predictions, targets) == 0.75  # three of four, see above


def test_one_hot_targets_need_the_task() -> None:
    one_hot = np.eye(3)[TARGETS]
    assert accuracy(SCORES, one_hot, task="multiclass") == 0.75
    with pytest.raises(MetricValueError, match="one-hot or multilabel"):
        accuracy(SCORES, one_hot)
    with pytest.raises(MetricValueError, match="holds 2 ones"):
        accuracy(SCORES, [[1, 1, 0]] * 4, task=Task.MULTICLASS)


@pytest.mark.parametrize("predictions", [SCORES[1], SCORES[1:2]])
def test_a_single_sample_with_a_scalar_target(predictions: np.ndarray) -> None:
    metric = Accuracy(keep_samples=True)
    metric.update(predictions, 0)
    metric.update(predictions, np.int64(2))
    np.testing.assert_array_equal(metric.samples(), [1.0, 0.0])


@pytest.mark.parametrize("prediction", [np.int64(2), np.array([2])])
def test_a_single_label_with_a_scalar_target(prediction: object) -> None:
    assert accuracy(prediction, 2) == 1.0


def test_dense_predictions_count_every_position() -> None:
    scores = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    labels = np.random.default_rng(1).integers(0, 3, size=(2, 4, 5))
    expected = accuracy_score(labels.ravel(), scores.argmax(1).ravel())
    assert accuracy(scores, labels) == pytest.approx(expected, abs=1e-15)
    assert accuracy(np.moveaxis(scores, 1, -1), labels, class_axis=-1) == pytest.approx(expected, abs=1e-15)


def test_binary_probabilities_logits_and_labels() -> None:
    # yes is decided for 0.9 and 0.6; targets 1, 0, 0, 1: right, wrong, right, wrong
    probabilities, targets = np.array([0.9, 0.6, 0.5, 0.2]), np.array([1, 0, 0, 1])
    logits = np.log(probabilities / (1 - probabilities))
    assert accuracy(probabilities, targets) == 0.5
    assert accuracy(probabilities[:, np.newaxis], targets) == 0.5
    assert accuracy(probabilities, targets[:, np.newaxis]) == 0.5
    assert accuracy(logits, targets, threshold=0.0) == 0.5
    assert accuracy(probabilities > 0.5, targets, task="binary") == 0.5
    assert accuracy(np.array([0.9]), 1) == 1.0
    with pytest.raises(MetricValueError, match=r"no probabilities(?s:.*)threshold=0\.0"):
        accuracy(logits, targets)


def test_multilabel_counts_every_label() -> None:
    rng = np.random.default_rng(4)
    scores, targets = rng.uniform(size=(50, 6)), rng.integers(0, 2, size=(50, 6))
    expected = 1 - hamming_loss(targets, scores > 0.5)
    assert accuracy(scores, targets, task="multilabel") == pytest.approx(expected, abs=1e-15)
    assert accuracy(scores, targets, threshold=0.5) == pytest.approx(expected, abs=1e-15)
    assert accuracy((scores > 0.5).astype(int), targets) == pytest.approx(expected, abs=1e-15)


def test_one_axis_is_one_multilabel_sample() -> None:
    metric = Accuracy(task="multilabel", keep_samples=True)
    metric.update([0.9, 0.1, 0.8, 0.7], [1, 0, 0, 1])
    np.testing.assert_array_equal(metric.samples(), [0.75])


def test_masked_logits_are_fine() -> None:
    assert accuracy([[-np.inf, 0.0], [1.0, -np.inf]], [1, 0]) == 1.0


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        (SCORES, [1, 2, 3, 0], "Label 3 is outside"),
        (SCORES, [1, -1, 2, 0], "Label -1 is outside"),
        (SCORES, [1, 0.5, 2, 0], r"0\.5, which is no class index"),
        (SCORES, [1, np.nan, 2, 0], "nan, which is no class index"),
        (SCORES, [[1, 2], [0, 1], [1, 1], [0, 0]], r"\(4, 3\).*\(4, 2\)"),
        (SCORES, np.zeros((4, 1, 1)), r"\(4, 3\).*\(4, 1, 1\)"),
        ([0.1, 0.7], [1, 2], "Label 2 is outside"),
        ([0.1, np.nan], [1, 0], "1 of 2 scores are NaN"),
        (SCORES, 1.0, r"\(1, 4, 3\).*\(1,\)"),
    ],
)
def test_input_that_makes_no_sense_is_refused(predictions: object, targets: object, message: str) -> None:
    with pytest.raises(MetricValueError, match=message):
        accuracy(predictions, targets)


def test_labels_outside_the_given_classes_are_refused() -> None:
    with pytest.raises(MetricValueError, match=r"Label 7 (?s:.*)from 0 to 4"):
        accuracy([1, 7], [1, 2], num_classes=5)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(MetricValueError, match=r"multi-class'(?s:.*)multiclass, binary, multilabel"):
        Accuracy(task="multi-class")


def test_tasks_do_not_mix() -> None:
    multiclass, binary = Accuracy(), Accuracy()
    multiclass.update(SCORES, TARGETS)
    binary.update([0.2], [0])
    with pytest.raises(MetricValueError, match="looks binary, the ones before multiclass"):
        multiclass.update([0.2], [0])
    with pytest.raises(MetricValueError, match="looks binary"):
        multiclass.merge(binary)
    multiclass.reset()
    multiclass.update([0.2], [0])
    assert multiclass.result() == 1.0
