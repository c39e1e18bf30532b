"""Log loss against scikit-learn, and what is no probability."""

import numpy as np
import pytest
import sklearn.metrics
from inc_metrics import LogLoss, MetricValueError, log_loss


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_probabilities_and_logits_equal_scikit_learn(dtype: type) -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(200, 6)), rng.integers(0, 6, 200)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (weights / weights.sum(axis=1, keepdims=True)).astype(dtype)
    expected = sklearn.metrics.log_loss(labels, probabilities)
    assert log_loss(probabilities, labels) == pytest.approx(expected, rel=1e-6 if dtype is np.float32 else 1e-12)
    assert log_loss(logits, labels, scores="logits") == pytest.approx(expected, rel=1e-5)
    assert log_loss(probabilities, np.eye(6)[labels]) == log_loss(probabilities, labels)


def test_binary_scores_stand_for_the_positive_class() -> None:
    scores, truth = np.array([0.9, 0.2, 0.6]), np.array([1, 0, 0])
    assert log_loss(scores, truth) == pytest.approx(sklearn.metrics.log_loss(truth, scores), rel=1e-14)
    assert log_loss(scores[:, None], truth[:, None]) == log_loss(scores, truth)
    assert log_loss(np.log(scores / (1 - scores)), truth, scores="logits") == pytest.approx(log_loss(scores, truth), rel=1e-14)


def test_a_certain_mistake_costs_what_the_dtype_can_tell() -> None:
    assert log_loss([[1.0, 0.0]], [1]) == pytest.approx(-np.log(np.finfo(np.float64).eps))
    assert log_loss(np.array([[1, 0]], np.float32), [1]) == pytest.approx(-np.log(np.finfo(np.float32).eps))


def test_huge_logits_do_not_overflow_and_masked_classes_do_not_count() -> None:
    assert log_loss([[1e4, 0.0]], [1], scores="logits") == 1e4
    assert log_loss([[0.0, 0.0, -np.inf]], [1], scores="logits") == pytest.approx(np.log(2))


def test_the_kind_of_scores_is_never_guessed() -> None:
    with pytest.raises(MetricValueError, match=r'(?s)reach from -1.0 to 2.0.*scores="logits"'):
        log_loss([[-1.0, 2.0]], [0])
    with pytest.raises(MetricValueError, match=r"sum to 1\.4"):
        log_loss([[0.7, 0.7]], [0])
    with pytest.raises(MetricValueError, match="minus infinity for its label"):
        log_loss([[0.0, -np.inf]], [1], scores="logits")
    with pytest.raises(MetricValueError, match="one of probabilities, logits"):
        LogLoss(scores="odds")
