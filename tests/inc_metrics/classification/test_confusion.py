"""Confusion matrix and Matthews correlation against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from inc_metrics import ConfusionMatrix, MetricValueError, confusion_matrix, matthews


@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")  # it is one of the cases
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_both_equal_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    decided, truth = zip(*pairs, strict=True)
    counts = confusion_matrix(decided, truth, num_classes=5)
    np.testing.assert_array_equal(counts, sklearn.metrics.confusion_matrix(truth, decided, labels=range(5)))
    assert matthews(decided, truth) == pytest.approx(sklearn.metrics.matthews_corrcoef(truth, decided), abs=1e-14)


def test_rows_are_true_and_columns_predicted_and_classes_may_come_late() -> None:
    metric = ConfusionMatrix()
    metric.update([0, 1], [1, 1])
    metric.update([3], [0])
    expected = np.zeros((4, 4))
    expected[1, 0] = expected[1, 1] = expected[0, 3] = 1
    np.testing.assert_array_equal(metric.matrix(), expected)
    assert metric.result() == 1 / 3


def test_counts_beyond_32_bits_keep_matthews_exact() -> None:
    # tp = tn = 3e9, fp = fn = 1e9: (9e18 - 1e18) / (4e9)^2 = 0.5; the products overflow int64.
    metric = ConfusionMatrix()
    counts = np.array([[3_000_000_000, 1_000_000_000], [1_000_000_000, 3_000_000_000]])
    from inc_metrics import Matthews, Task

    assert Matthews()._value(counts, Task.MULTICLASS) == 0.5
    assert metric._value(counts, Task.MULTICLASS) == 0.75


def test_binary_scores_have_two_classes_and_several_labels_have_none() -> None:
    np.testing.assert_array_equal(confusion_matrix([0.9, 0.1, 0.7], [1, 0, 0]), [[1, 1], [0, 1]])
    with pytest.raises(MetricValueError, match="no confusion matrix"):
        ConfusionMatrix(task="multilabel").update([[0.1, 0.9]], [[0, 1]])
    with pytest.raises(MetricValueError, match="Label 5 is outside the classes"):
        confusion_matrix([0, 5], [0, 1], num_classes=3)
