"""ROC AUC and average precision against scikit-learn, ties included."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import assume, given
from hypothesis import strategies as st
from inc_metrics import ROCAUC, AveragePrecision, MetricValueError, average_precision, roc_auc


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=50))
def test_binary_equals_scikit_learn_with_many_ties(pairs: list[tuple[int, bool]]) -> None:
    scores, truth = (np.array(side) for side in zip(*pairs, strict=True))
    assume(truth.any() and not truth.all())
    assert roc_auc(scores / 7, truth) == pytest.approx(sklearn.metrics.roc_auc_score(truth, scores / 7), abs=1e-14)
    assert average_precision(scores / 7, truth) == pytest.approx(sklearn.metrics.average_precision_score(truth, scores / 7), abs=1e-14)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_each_class_against_the_rest_equals_scikit_learn(average: str) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 300)
    raw = rng.normal(size=(300, 5)).round(1)
    scores = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    expected = sklearn.metrics.roc_auc_score(labels, scores, multi_class="ovr", average=average)
    assert roc_auc(scores, labels, average=average) == pytest.approx(expected, rel=1e-13)
    flags = np.eye(5, dtype=int)[labels]
    expected = sklearn.metrics.average_precision_score(flags, scores, average=average)
    assert average_precision(scores, flags, average=average) == pytest.approx(expected, rel=1e-13)
    metric = ROCAUC()
    metric.update(scores, labels)
    assert metric.per_class() == pytest.approx(sklearn.metrics.roc_auc_score(flags, scores, average=None), rel=1e-13)


def test_by_hand_with_a_tie() -> None:
    # Positives score 0.8 and 0.5, negatives 0.5 and 0.1: of four pairs three are won and one is tied.
    assert roc_auc([0.8, 0.5, 0.5, 0.1], [1, 1, 0, 0]) == 3.5 / 4
    # At 0.8 precision 1 and recall 1/2; at 0.5 precision 2/3 and recall 1: 1/2 + 1/2 * 2/3.
    assert average_precision([0.8, 0.5, 0.5, 0.1], [1, 1, 0, 0]) == pytest.approx(5 / 6, rel=1e-15)


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(MetricValueError, match="has no negative sample"):
        roc_auc([0.1, 0.2], [1, 1])
    with pytest.raises(MetricValueError, match="Class 2 has no positive sample"):
        average_precision(np.eye(3)[[0, 1]], [0, 1])
    with pytest.raises(MetricValueError, match="2 of 3 scores are NaN"):
        roc_auc([np.nan, np.nan, 0.0], [0, 1, 1])
    with pytest.raises(MetricValueError, match=r"\(2, 3\).*\(2, 2\)"):
        AveragePrecision().update(np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(MetricValueError, match="one of macro, weighted"):
        ROCAUC(average="micro")
    metric = ROCAUC()
    metric.update([0.1], [1])
    with pytest.raises(MetricValueError, match="the ones before"):
        metric.update([[0.1, 0.2]], [1])
