"""Mean errors against scikit-learn and by hand."""

from collections.abc import Callable

import numpy as np
import pytest
from inc_metrics import MAE, MSE, MetricValueError, mae, mse, rmse
from sklearn.metrics import mean_absolute_error, mean_squared_error, root_mean_squared_error

PAIRS = [(mae, mean_absolute_error), (mse, mean_squared_error), (rmse, root_mean_squared_error)]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_it_is_scikit_learns_number(ours: Callable[..., float], theirs: Callable[..., float]) -> None:
    rng = np.random.default_rng(0)
    predictions, targets = rng.normal(size=(30, 2, 5)), rng.normal(size=(30, 2, 5))
    assert ours(predictions, targets) == pytest.approx(theirs(targets.ravel(), predictions.ravel()), rel=1e-14)


def test_by_hand() -> None:
    # errors 1, -3, 0, 2: absolute mean 6/4, squared mean 14/4
    predictions, targets = [2, 1, 5, 4], [1, 4, 5, 2]
    assert mae(predictions, targets) == 1.5
    assert mse(predictions, targets) == 3.5
    assert rmse(predictions, targets) == pytest.approx(3.5**0.5, rel=1e-15)


def test_unsigned_integers_do_not_wrap_around() -> None:
    assert mae(np.array([1], np.uint8), np.array([3], np.uint8)) == 2.0
    assert mse(np.array([0], np.int8), np.array([100], np.int8)) == 10_000.0


def test_a_column_fits_a_vector_and_is_not_broadcast() -> None:
    column, vector = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 4.0])
    assert mse(column, vector) == pytest.approx(1 / 3)  # broadcasting to (3, 3) would give 20/9
    assert mse(vector, column) == pytest.approx(1 / 3)


def test_single_numbers_are_samples() -> None:
    metric = MAE(keep_samples=True)
    metric.update(1.0, 3.0)
    metric.update(5, 4)
    np.testing.assert_array_equal(metric.samples(), [2.0, 1.0])


@pytest.mark.parametrize(("ours", "_theirs"), PAIRS)
@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        ([1.0, np.nan], [1.0, 2.0], "1 of 2 values are NaN or infinite"),
        ([1.0, 2.0], [1.0, -np.inf], "1 of 2 values are NaN or infinite"),
        (np.zeros((2, 3)), np.zeros(2), r"\(2, 3\).*\(2,\)"),
        (np.zeros((2, 3)), np.zeros((2, 1)), r"\(2, 3\).*\(2, 1\)"),
        ([], [], "empty"),
    ],
)
def test_input_that_makes_no_sense_is_refused(
    ours: Callable[..., float], _theirs: object, predictions: object, targets: object, message: str
) -> None:
    with pytest.raises(MetricValueError, match=message):
        ours(predictions, targets)


def test_a_sum_beyond_float64_is_refused_and_changes_nothing() -> None:
    metric = MSE()
    metric.update([1.0], [2.0])
    with pytest.raises(MetricValueError, match="range of float64"):
        metric.update([1e308], [-1e308])
    assert metric.result() == 1.0
    with pytest.raises(MetricValueError, match="range of float64"):
        mae([1.7e308], [-1.7e308])


def test_outputs_of_unequal_shapes_count_element_by_element_as_in_1x() -> None:
    # Errors of 1, 2, 3, 4 in the one output and 5, 6 in the other: sums over all elements, not means of means.
    truth = [np.zeros((2, 2)), np.zeros((2, 1))]
    found = [np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0], [6.0]])]
    assert mae(found, truth) == 21 / 6
    assert mse(tuple(found), truth) == 91 / 6
    metric = MAE(keep_samples=True)
    metric.update(found, truth)
    assert metric.samples().tolist() == [8 / 3, 13 / 3]


def test_outputs_that_do_not_fit_their_targets_are_refused_with_all_shapes() -> None:
    with pytest.raises(MetricValueError, match=r"predictions \[\(2, 2\), \(2, 1\)\], targets \[\(2, 2\), \(3, 1\)\]"):
        mse([np.zeros((2, 2)), np.zeros((2, 1))], [np.zeros((2, 2)), np.zeros((3, 1))])
    with pytest.raises(MetricValueError, match="one row per sample"):
        mse([np.zeros((2, 2)), np.zeros((3, 1))], [np.zeros((2, 2)), np.zeros((3, 1))])
