"""The mean of losses that were computed elsewhere."""

import numpy as np
import pytest
from inc_metrics import Loss, MetricValueError, loss


def test_batches_of_unequal_size_give_the_mean_over_samples() -> None:
    losses = np.array([1.0, 2.0, 6.0])
    for reduction, batches in {
        "none": [(losses[:2], [0, 0]), (losses[2:], [0])],
        "sum": [(3.0, [0, 0]), (6.0, [0])],
        "mean": [(1.5, [0, 0]), (6.0, [0])],
    }.items():
        metric = Loss(reduction=reduction)
        for batch in batches:
            metric.update(*batch)
        assert metric.result() == 3.0


def test_each_samples_elements_add_up() -> None:
    assert loss([[1.0, 2.0], [3.0, 4.0]], [0, 1]) == 5.0


def test_a_reduced_loss_is_never_taken_for_one_per_sample() -> None:
    with pytest.raises(MetricValueError, match=r'(?s)\(\).*\(3,\).*reduction="mean"'):
        loss(0.5, [0, 1, 2])
    with pytest.raises(MetricValueError, match="no values per sample"):
        Loss(reduction="mean", keep_samples=True)
    with pytest.raises(MetricValueError, match="one of none, mean, sum"):
        Loss(reduction="max")
    with pytest.raises(MetricValueError, match='reduction="none"'):
        loss([0.5, 0.5], [0, 1], reduction="mean")
    with pytest.raises(MetricValueError, match="NaN or infinite"):
        loss([np.inf, 0.0], [0, 1])
