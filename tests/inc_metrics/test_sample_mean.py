"""What all metrics have in common: protocol, merging, samples, and refusing to answer without data."""

import math
import pickle
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_metrics import (
    MAE,
    MSE,
    RMSE,
    SQNR,
    Accuracy,
    Agreement,
    Mergeable,
    Metric,
    MetricTypeError,
    MetricValueError,
    SampleWise,
    TopK,
)

CLASSES = 4
SAMPLE_WISE: list[Callable[..., SampleWise]] = [Accuracy, TopK, Agreement, MAE, MSE, RMSE]
ALL: list[Callable[..., Mergeable]] = [*SAMPLE_WISE, SQNR]


def batch(make: Callable[..., Metric], samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets that suit the metric, of very different magnitudes so that rounding would show."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(samples, CLASSES)) * 10.0 ** rng.integers(-6, 6, size=(samples, 1))
    if make in (Accuracy, TopK):
        return scores, rng.integers(0, CLASSES, samples)
    return scores, scores + rng.normal(size=scores.shape) * np.abs(scores).max()


@pytest.mark.parametrize("make", ALL)
@given(cuts=st.lists(st.integers(1, 39), max_size=5, unique=True), seed=st.integers(0, 2**32 - 1))
def test_merged_parts_equal_one_pass_to_the_last_bit(make: Callable[..., Mergeable], cuts: list[int], seed: int) -> None:
    predictions, targets = batch(make, 40, seed)
    whole = make()
    whole.update(predictions, targets)
    edges = [0, *sorted(cuts), 40]
    merged = make()
    for start, stop in reversed(list(pairwise(edges))):
        part = make()
        part.update(predictions[start:stop], targets[start:stop])
        merged.merge(part)
    assert merged.result() == whole.result()


@pytest.mark.parametrize("make", SAMPLE_WISE)
def test_samples_are_kept_in_order_through_batches_and_merging(make: Callable[..., SampleWise]) -> None:
    predictions, targets = batch(make, 10, seed=3)
    first, second, alone = make(keep_samples=True), make(keep_samples=True), []
    first.update(predictions[:3], targets[:3])
    second.update(predictions[3:7], targets[3:7])
    second.update(predictions[7:], targets[7:])
    first.merge(second)
    for row in range(10):
        single = make()
        single.update(predictions[row : row + 1], targets[row : row + 1])
        alone.append(single.result())
    expected = np.square(alone) if make is RMSE else np.array(alone)
    np.testing.assert_allclose(first.samples(), expected, rtol=1e-14)
    mean = float(first.samples().mean())
    assert math.isclose(first.result(), math.sqrt(mean) if make is RMSE else mean, rel_tol=1e-12)


@pytest.mark.parametrize("make", ALL)
def test_each_metric_fits_the_protocols(make: Callable[..., Mergeable]) -> None:
    metric = make()
    assert isinstance(metric, Metric)
    assert isinstance(metric, Mergeable)
    assert isinstance(metric, SampleWise) is (make in SAMPLE_WISE)
    assert isinstance(metric.higher_is_better, bool)
    assert metric.name == metric.name.lower()


@pytest.mark.parametrize("make", ALL)
def test_without_data_there_is_no_result(make: Callable[..., Mergeable]) -> None:
    metric = make()
    with pytest.raises(MetricValueError, match="no data"):
        metric.result()
    metric.update(*batch(make, 5, seed=0))
    metric.result()
    metric.reset()
    with pytest.raises(MetricValueError, match="no data"):
        metric.result()


@pytest.mark.parametrize("make", ALL)
def test_a_refused_batch_changes_nothing(make: Callable[..., Mergeable]) -> None:
    metric = make()
    predictions, targets = batch(make, 6, seed=1)
    metric.update(predictions, targets)
    before = metric.result()
    spoilt = predictions.copy()
    spoilt[2, 1] = np.nan
    for bad in ((spoilt, targets), (predictions[:5], targets), (predictions[:0], targets[:0])):
        with pytest.raises(MetricValueError, match=r"(?s)where: .*\n  fix: "):
            metric.update(*bad)
    assert metric.result() == before


@pytest.mark.parametrize("make", ALL)
def test_unequal_shapes_are_both_shown(make: Callable[..., Mergeable]) -> None:
    with pytest.raises(MetricValueError, match=r"\(5, 4\).*\(6"):
        make().update(np.zeros((5, 4)), np.zeros((6, 4)))


@pytest.mark.parametrize("make", ALL)
def test_a_metric_travels_between_processes(make: Callable[..., Mergeable]) -> None:
    metric = make()
    metric.update(*batch(make, 7, seed=2))
    assert pickle.loads(pickle.dumps(metric)).result() == metric.result()


def test_an_error_travels_between_processes_with_its_three_parts() -> None:
    error = pickle.loads(pickle.dumps(MetricValueError("what", "where", "fix")))
    assert (error.what, error.where, error.fix) == ("what", "where", "fix")
    assert str(error) == "what\n  where: where\n  fix:   fix"


def test_samples_that_were_not_kept_cannot_be_asked_for() -> None:
    metric = MSE()
    metric.update([1.0], [2.0])
    with pytest.raises(MetricValueError, match="keep_samples=True"):
        metric.samples()


def test_only_the_same_metric_with_the_same_options_merges() -> None:
    with pytest.raises(MetricTypeError, match="MAE cannot be merged"):
        MSE().merge(MAE())  # type: ignore[arg-type]  # the wrong type is the point
    with pytest.raises(MetricTypeError, match="MAE cannot be merged"):
        Accuracy().merge(MAE())  # type: ignore[arg-type]  # the wrong type is the point
    with pytest.raises(MetricValueError, match=r"'k': 1.*'k': 5"):
        TopK(k=1).merge(TopK(k=5))
