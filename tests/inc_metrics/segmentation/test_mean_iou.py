"""Mean intersection over union, by hand, against sets of pixels, and its laws."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_metrics import MeanIoU, MetricTypeError, MetricValueError, mean_iou
from inc_metrics.segmentation.mean_iou import V1MeanIoU

QUICK = settings(max_examples=50, deadline=None, derandomize=True)


def maps(seed: int, *, images: int = 4, classes: int = 4) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, (images, 5, 6))
    return np.where(rng.random(targets.shape) < 0.6, targets, rng.integers(0, classes, targets.shape)), targets


def by_sets(predictions: Any, targets: Any, classes: int) -> float:
    """Each class as two sets of pixels."""
    values = []
    for label in range(classes):
        found = {tuple(pixel) for pixel in np.argwhere(predictions == label)}
        truth = {tuple(pixel) for pixel in np.argwhere(targets == label)}
        if found | truth:
            values.append(Fraction(len(found & truth), len(found | truth)))
    return float(sum(values) / len(values))


def test_two_classes_by_hand() -> None:
    """Class 0: one pixel shared of two; class 1: two of three; class 2 does not occur. Mean of 1/2 and 2/3."""
    metric = MeanIoU(3)
    metric.update([[0, 1, 1, 1]], [[0, 0, 1, 1]])
    np.testing.assert_allclose(metric.per_class(), [1 / 2, 2 / 3, np.nan], rtol=1e-15)
    assert metric.result() == pytest.approx(7 / 12, abs=1e-15)
    assert metric.confusion().tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]


@QUICK
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 3))
def test_pixels_are_counted_as_sets_and_merging_is_the_pass_over_both(seed: int, cut: int) -> None:
    predictions, targets = maps(seed)
    first, second = MeanIoU(5), MeanIoU(5)
    first.update(predictions[:cut], targets[:cut])
    second.update(predictions[cut:], targets[cut:])
    first.merge(second)
    assert first.result() == pytest.approx(by_sets(predictions, targets, 5), abs=1e-14)
    assert first.result() == mean_iou(predictions, targets, num_classes=5)


@QUICK
@given(seed=st.integers(0, 10_000), draw=st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_a_resample_is_the_metric_of_the_images_drawn(seed: int, draw: list[int]) -> None:
    predictions, targets = maps(seed)
    targets[1] = 255
    if set(draw) == {1}:
        draw = [0]
    metric = MeanIoU(4, ignore_index=255, keep_images=True)
    metric.update(predictions[:3], targets[:3])
    metric.update(predictions[3], targets[3])
    again = MeanIoU(4, ignore_index=255)
    again.update(predictions[draw], targets[draw])
    assert metric.units() == 4
    assert metric.resampled(np.array(draw)) == again.result()


def test_scores_are_decided_by_the_greatest() -> None:
    predictions, targets = maps(3)
    scores = np.moveaxis(np.eye(4)[predictions], -1, 1)
    assert mean_iou(scores, targets, num_classes=4) == mean_iou(predictions, targets, num_classes=4)
    last = MeanIoU(4, class_axis=-1)
    last.update(np.eye(4)[predictions], targets)
    assert last.result() == mean_iou(predictions, targets, num_classes=4)


def test_ignored_pixels_do_not_count_whatever_is_predicted_there() -> None:
    predictions, targets = maps(4)
    marked = targets.copy()
    marked[:, 0] = 255
    predictions[:, 0] = 99
    assert mean_iou(predictions, marked, num_classes=4, ignore_index=255) == by_sets(predictions[:, 1:], targets[:, 1:], 4)


def test_1x_ignores_every_label_outside_the_classes() -> None:
    predictions, targets = maps(5)
    marked = targets.copy()
    marked[:, 0], marked[:, 1] = 255, -1
    metric = V1MeanIoU(num_classes=4)
    metric.update(predictions.reshape(4, -1), marked.reshape(4, -1))
    assert metric.result() == pytest.approx(by_sets(predictions[:, 2:], targets[:, 2:], 4), abs=1e-15)
    with pytest.raises(MetricValueError, match="outside the classes"):
        mean_iou(predictions, marked, num_classes=4)


@pytest.mark.parametrize(
    ("predictions", "targets", "error", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), MetricValueError, r"\(2, 3\), targets \(3, 2\)"),
        (np.zeros((1, 5, 2, 2)), np.zeros((1, 2, 2), int), MetricValueError, "have 5 classes on axis 1, not 4"),
        (np.full((1, 4, 2, 2), np.nan), np.zeros((1, 2, 2), int), MetricValueError, "16 of 16 scores are NaN"),
        (np.full((2, 2), 4), np.zeros((2, 2), int), MetricValueError, "Label 4 is outside the classes"),
        (np.zeros((2, 2), int), np.full((2, 2), 4), MetricValueError, "Label 4 is outside the classes"),
        (np.full((2, 2), 0.5), np.zeros((2, 2), int), MetricValueError, "0.5, which is no class index"),
        (np.zeros((0, 2), int), np.zeros((0, 2), int), MetricValueError, "batch is empty"),
        (["a"], [0], MetricTypeError, "not real numbers"),
    ],
)
def test_bad_batches_are_refused_and_change_nothing(predictions: Any, targets: Any, error: type[Exception], message: str) -> None:
    metric = MeanIoU(4)
    with pytest.raises(error, match=message):
        metric.update(predictions, targets)
    with pytest.raises(MetricValueError, match="no data was taken in"):
        metric.result()


def test_nothing_that_counts_and_images_not_kept_are_errors() -> None:
    metric = MeanIoU(2, ignore_index=255)
    metric.update([[0, 1]], [[255, 255]])
    with pytest.raises(MetricValueError, match="No pixel counts"):
        metric.result()
    with pytest.raises(MetricValueError, match="keep_images=True"):
        metric.resampled([0])
    kept = MeanIoU(2, keep_images=True)
    kept.update([[0, 1]], [[0, 1]])
    for indices in ([1], [-1], np.zeros(0, int)):
        with pytest.raises(MetricValueError, match="do not lie in the 1 images"):
            kept.resampled(indices)
    with pytest.raises(MetricTypeError, match="whole numbers"):
        kept.resampled([0.0])


@pytest.mark.parametrize(("options", "error"), [({"num_classes": 0}, MetricValueError), ({"num_classes": "3"}, MetricTypeError)])
def test_options_that_make_no_sense_are_refused(options: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="num_classes is"):
        MeanIoU(**options)
    with pytest.raises(MetricValueError, match="is one of the 3 classes"):
        MeanIoU(3, ignore_index=2)
    with pytest.raises(MetricValueError, match="options differ"):
        MeanIoU(3).merge(MeanIoU(4))
