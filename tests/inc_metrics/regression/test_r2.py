"""R2 against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics
from inc_metrics import R2, MetricValueError, r2


@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 3)])
def test_one_or_several_outputs_equal_scikit_learn(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=shape)
    predicted = truth + 0.3 * rng.normal(size=shape)
    assert r2(predicted, truth) == pytest.approx(sklearn.metrics.r2_score(truth, predicted), rel=1e-13)


def test_the_mean_is_worth_nothing_and_a_large_offset_costs_no_digit() -> None:
    truth = np.array([1.0, 2.0, 3.0, 6.0])
    assert r2(np.full(4, 3.0), truth) == 0.0
    # Errors 1, 0, 0, 1 against a spread of 4 + 1 + 0 + 9.
    assert r2(truth + [1, 0, 0, -1] + 1e15, truth + 1e15) == 12 / 14


def test_what_has_no_spread_is_refused() -> None:
    with pytest.raises(MetricValueError, match="targets are constant"):
        r2([1.0, 2.0], [3.0, 3.0])
    metric = R2()
    metric.update(np.eye(2), np.eye(2))
    with pytest.raises(MetricValueError, match="3 outputs, the ones before 2"):
        metric.update(np.eye(3), np.eye(3))
