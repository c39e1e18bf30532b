"""Checks that every metric makes on its batches."""

import numpy as np
import pytest
from inc_metrics import MAE, MSE, SQNR, Accuracy, ConfusionMatrix, FBeta, LogLoss, Loss, MetricValueError, accuracy, confusion_matrix, top_k
from inc_metrics.batches import as_labels


@pytest.mark.parametrize(
    ("label", "shown"), [(np.uint64(2**63 + 5), "9223372036854775813"), (np.float64(1e300), r"1e\+300"), (np.int64(2**62), str(2**62))]
)
def test_labels_too_large_for_int64_and_float64_are_refused_and_do_not_wrap(label: np.generic, shown: str) -> None:
    with pytest.raises(MetricValueError, match=f"Label {shown} is outside the classes"):
        as_labels(np.array([0, label], label.dtype), classes=None, where="here")
    with pytest.raises(MetricValueError, match=f"Label {shown} is outside the classes"):
        accuracy([0, 1], np.array([0, label], label.dtype), task="multiclass")
    assert as_labels(np.array([2.0**53]), classes=None, where="here") == [2**53]


def test_counts_per_class_are_not_made_for_ids_and_masks() -> None:
    for make, largest in ((ConfusionMatrix, 10**6), (FBeta, 10**12)):
        metric = make()
        metric.update([0, 1], [0, 1])
        with pytest.raises(MetricValueError, match=f"largest label is {largest}.*at most"):
            metric.update([0, largest], [0, 1])
        assert metric.result() == 1.0
    with pytest.raises(MetricValueError, match="counts are kept for"):
        confusion_matrix([0, 1], [0, 1], num_classes=10**6)


@pytest.mark.parametrize("make", [lambda: MAE(keep_samples=True), MSE, SQNR, lambda: LogLoss(scores="logits"), Loss])
def test_the_layout_in_memory_makes_no_difference_to_the_last_bit(make: type) -> None:
    # Numpy adds a row pairwise and a transposed array column by column: 40 numbers of many magnitudes tell.
    rng = np.random.default_rng(0)
    left = rng.normal(size=(9, 40)) * 10.0 ** rng.integers(-3, 3, (9, 40))
    right = rng.integers(0, 40, 9) if isinstance(make(), LogLoss) else rng.normal(size=(9, 40))
    values = []
    for predictions, targets in ((left, right), (np.asfortranarray(left), np.asfortranarray(right))):
        whole, merged = make(), make()
        whole.update(predictions, targets)
        for sample in range(9):
            part = make()
            part.update(predictions[sample : sample + 1], targets[sample : sample + 1])
            merged.merge(part)
        values += [whole.result(), merged.result()]
    assert len(set(values)) == 1


def test_axes_of_length_one_after_the_classes_are_no_positions() -> None:
    # Convolutional classifiers without a final flattening give (N, C, 1, 1); 1.x flattened it.
    scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    assert top_k(scores.reshape(2, 3, 1, 1), [1, 2], k=1) == top_k(scores, [1, 2], k=1) == 0.5
    assert accuracy(scores.reshape(2, 1, 1, 3), [1, 0], class_axis=-1) == 1.0
    with pytest.raises(MetricValueError, match=r"\(2, 3, 2, 1\).*\(2,\)"):
        Accuracy().update(np.zeros((2, 3, 2, 1)), [1, 2])
