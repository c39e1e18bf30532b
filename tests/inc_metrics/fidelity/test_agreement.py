"""Agreement of two models."""

import numpy as np
import pytest
from inc_metrics import Agreement, MetricValueError, accuracy, agreement


def test_it_is_accuracy_with_the_reference_as_truth() -> None:
    rng = np.random.default_rng(0)
    candidate, reference = rng.normal(size=(100, 7)), rng.normal(size=(100, 7))
    assert agreement(candidate, reference) == accuracy(candidate, reference.argmax(1))


def test_dense_outputs_count_every_position() -> None:
    # best classes per position: candidate 1 0, reference 1 1
    candidate, reference = [[[0.0, 3.0], [1.0, 2.0]]], [[[0.0, 0.0], [1.0, 2.0]]]
    assert agreement(candidate, reference) == 0.5


def test_the_class_axis_may_be_the_last() -> None:
    rng = np.random.default_rng(1)
    candidate, reference = rng.normal(size=(4, 3, 9)), rng.normal(size=(4, 3, 9))
    assert agreement(candidate, reference, class_axis=-1) == np.mean(candidate.argmax(-1) == reference.argmax(-1))


def test_labels_and_binary_scores() -> None:
    assert agreement([1, 2, 3, 3], [1, 2, 0, 3]) == 0.75
    assert agreement([[-1.0], [2.0]], [[-3.0], [-2.0]], threshold=0.0) == 0.5
    assert agreement([-1.0, 2.0], [-3.0, 5.0], threshold=0.0) == 1.0


def test_a_single_column_never_agrees_by_default() -> None:
    with pytest.raises(MetricValueError, match="threshold"):
        agreement([[-1.0], [2.0]], [[5.0], [-2.0]])
    with pytest.raises(MetricValueError, match=r"give \(1, C\)"):
        Agreement().update([0.1, 0.9], [0.2, 0.8])


def test_shapes_are_not_broadcast() -> None:
    with pytest.raises(MetricValueError, match=r"\(2, 3\).*\(2, 4\)"):
        agreement(np.zeros((2, 3)), np.zeros((2, 4)))
