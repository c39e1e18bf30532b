"""Precision, recall and F-beta against scikit-learn, and where they are not defined."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from inc_metrics import FBeta, MetricTypeError, MetricValueError, Precision, Recall, f_beta, precision, recall

AVERAGES = ["micro", "macro", "weighted"]


@pytest.mark.parametrize("average", AVERAGES)
@given(data=st.data(), classes=st.integers(2, 6), samples=st.integers(1, 30))
def test_multiclass_equals_scikit_learn(average: str, data: st.DataObject, classes: int, samples: int) -> None:
    labels = st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples)
    decided, truth = data.draw(labels), data.draw(labels)
    options = {"average": average, "zero_division": 0.0}
    assert precision(decided, truth, average=average) == pytest.approx(
        sklearn.metrics.precision_score(truth, decided, **options), rel=1e-12
    )
    assert recall(decided, truth, average=average) == pytest.approx(sklearn.metrics.recall_score(truth, decided, **options), rel=1e-12)
    expected = sklearn.metrics.fbeta_score(truth, decided, beta=0.5, **options)
    assert f_beta(decided, truth, beta=0.5, average=average) == pytest.approx(expected, rel=1e-12)


def test_binary_scores_and_multilabel_equal_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.random(200), rng.integers(0, 2, 200)
    assert f_beta(scores, truth, beta=2.0, threshold=0.3) == sklearn.metrics.fbeta_score(truth, scores > 0.3, beta=2.0)
    metric = Precision(task="multilabel", average="macro")
    scores, truth = rng.random((50, 6)), rng.integers(0, 2, (50, 6))
    metric.update(scores, truth)
    assert metric.result() == pytest.approx(sklearn.metrics.precision_score(truth, scores > 0.5, average="macro"), rel=1e-14)
    assert metric.per_class() == pytest.approx(sklearn.metrics.precision_score(truth, scores > 0.5, average=None), rel=1e-14)


def test_integers_are_classes_and_binary_looks_at_the_positive_one() -> None:
    decided, truth = [0, 1, 1, 1], [0, 0, 1, 1]
    # Class 1: 2 of 3 decisions right, 2 of 2 found. Class 0: 1 of 1 right, 1 of 2 found.
    assert precision(decided, truth, average="binary") == 2 / 3
    assert recall(decided, truth) == (1 + 0.5) / 2
    zero = Precision(average="binary", positive=0)
    zero.update(decided, truth)
    assert zero.result() == 1.0


def test_classes_that_do_not_occur_take_no_part_even_where_scores_have_columns_for_them() -> None:
    scores = np.eye(5)[[0, 1, 1]]
    metric = Recall(average="macro")
    metric.update(scores, [0, 1, 0])
    assert metric.result() == (0.5 + 1.0) / 2
    np.testing.assert_array_equal(metric.per_class(), [0.5, 1.0, np.nan, np.nan, np.nan])


def test_what_is_not_defined_is_refused_not_zero() -> None:
    with pytest.raises(MetricValueError, match="neither in the predictions nor in the targets"):
        f_beta([0.1, 0.2], [0, 0])
    with pytest.raises(MetricValueError, match='average="binary" with 3 classes'):
        f_beta([0, 1, 2], [0, 1, 2], average="binary")
    with pytest.raises(MetricValueError, match="one of binary, micro, macro, weighted"):
        Precision(average="mean")
    with pytest.raises(MetricValueError, match="beta is 0"):
        FBeta(beta=0)
    with pytest.raises(MetricTypeError, match="beta is '1'"):
        FBeta(beta="1")  # type: ignore[arg-type]  # the wrong type is the point
    metric = Precision()
    metric.update([0.2, 0.9], [0, 1])
    with pytest.raises(MetricValueError, match="looks multiclass, the ones before binary"):
        metric.update([0, 2], [0, 1])


def test_booleans_are_binary_decisions() -> None:
    decided, truth = np.array([False, True, True, True]), np.array([False, False, True, True])
    assert precision(decided, truth) == 2 / 3
    assert f_beta(decided, truth) == sklearn.metrics.f1_score(truth, decided)
