"""Top-k against scikit-learn, and its ties by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_metrics import MetricTypeError, MetricValueError, TopK, accuracy, top_k
from sklearn.metrics import top_k_accuracy_score


@pytest.mark.parametrize("k", [1, 2, 5, 10])
def test_it_is_scikit_learns_number(k: int) -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(300, 11)), rng.integers(0, 11, 300)
    expected = top_k_accuracy_score(labels, scores, k=k, labels=np.arange(11))
    assert top_k(scores, labels, k=k) == pytest.approx(expected, abs=1e-15)
    assert top_k(scores, np.eye(11)[labels], k=k) == pytest.approx(expected, abs=1e-15)


@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=20), st.integers(1, 5), st.integers(0, 4))
def test_exactly_k_classes_count_even_among_ties(rows: list[list[int]], k: int, label: int) -> None:
    # a stable sort by falling score keeps the lower index first
    expected = np.mean([label in sorted(range(5), key=lambda c, row=row: -row[c])[:k] for row in rows])
    assert top_k(rows, [label] * len(rows), k=k) == pytest.approx(expected, abs=1e-15)


def test_top_1_is_accuracy_when_scores_tie() -> None:
    rng = np.random.default_rng(1)
    scores, labels = rng.integers(0, 3, size=(200, 6)).astype(np.float32), rng.integers(0, 6, 200)
    assert top_k(scores, labels) == accuracy(scores, labels)


def test_dense_scores_and_a_single_sample() -> None:
    scores = np.random.default_rng(2).normal(size=(2, 5, 3))
    labels = np.random.default_rng(3).integers(0, 5, size=(2, 3))
    flat = np.moveaxis(scores, 1, -1).reshape(-1, 5)
    assert top_k(scores, labels, k=2) == top_k(flat, labels.ravel(), k=2)
    assert top_k([0.1, 0.9, 0.5], 2, k=2) == 1.0


@pytest.mark.parametrize("k", [0, -1])
def test_k_is_at_least_one(k: int) -> None:
    with pytest.raises(MetricValueError, match=f"k is {k}"):
        TopK(k=k)


@pytest.mark.parametrize("k", [1.5, "5", True])
def test_k_is_a_whole_number(k: object) -> None:
    with pytest.raises(MetricTypeError, match="whole number"):
        TopK(k=k)  # type: ignore[arg-type]  # the wrong type is the point


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([[0.1, 0.9]], [0], "k is 3 with 2 classes"),
        ([[0.1], [0.2]], [0, 0], "1 class on axis 1"),
        ([0.1, 0.2], [0, 1], "no class axis 1"),
        ([[0.1, 0.2, 0.3, np.nan]], [0], "NaN"),
        ([[0.1, 0.2, 0.3, 0.4]], [4], "Label 4 is outside"),
    ],
)
def test_input_that_makes_no_sense_is_refused(scores: object, labels: object, message: str) -> None:
    with pytest.raises(MetricValueError, match=message):
        top_k(scores, labels, k=3)
