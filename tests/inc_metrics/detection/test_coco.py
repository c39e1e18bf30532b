"""COCO's mean average precision, against pycocotools, by hand, and its laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_metrics import CocoMeanAP, MetricTypeError, MetricValueError, VocMeanAP, coco_mean_ap
from inc_metrics.confidence.comparison import compare
from inc_metrics.detection.boxes import BoxFormat, to_xywh

QUICK = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])


def summary_of(predictions: Any, targets: Any, *, batch: int = 1000, **options: Any) -> dict[str, float]:
    return metric_of(predictions, targets, batch=batch, **options).summary()


def metric_of(predictions: Any, targets: Any, *, batch: int = 1000, **options: Any) -> CocoMeanAP:
    metric = CocoMeanAP(box_format="xywh", **options)
    for start in range(0, len(predictions), batch):
        metric.update(predictions[start : start + batch], targets[start : start + batch])
    return metric


@QUICK
@given(
    seed=st.integers(0, 2**32 - 1),
    images=st.integers(1, 25),
    classes=st.integers(1, 5),
    digits=st.sampled_from([0, 1, 2, 15]),
    crowds=st.sampled_from([0.0, 0.3, 1.0]),
    size=st.sampled_from([12.0, 60.0, 400.0]),
)
def test_all_twelve_numbers_are_those_of_pycocotools(
    generate: Any, pycocotools_summary: Any, seed: int, images: int, **options: Any
) -> None:
    predictions, targets = generate(seed, images=images, **options)
    ours = np.array(list(summary_of(predictions, targets).values()))
    np.testing.assert_allclose(np.nan_to_num(ours, nan=-1.0), pycocotools_summary(predictions, targets), rtol=0.0, atol=1e-9)


def test_more_detections_than_count_are_cut_per_image_and_class_as_by_pycocotools(generate: Any, pycocotools_summary: Any) -> None:
    predictions, targets = generate(5, images=6, classes=2, digits=2)
    rng = np.random.default_rng(0)
    for prediction, target in zip(predictions, targets, strict=True):
        if len(target["boxes"]):
            chosen = rng.integers(0, len(target["boxes"]), 400)
            prediction["boxes"] = np.abs(target["boxes"][chosen] + rng.normal(0, 5, (400, 4)).round())
            prediction["labels"], prediction["scores"] = target["labels"][chosen], rng.random(400).round(2)
    ours = np.array(list(summary_of(predictions, targets).values()))
    np.testing.assert_allclose(np.nan_to_num(ours, nan=-1.0), pycocotools_summary(predictions, targets), rtol=0.0, atol=1e-9)


def test_one_right_and_one_wrong_detection_by_hand() -> None:
    """Two objects, one found by an equal box and scored below a wrong one.

    The right detection has rank 2: precision 1/2 at recall 1/2, which is the best at the 51 recalls from 0 to 0.5 and is 0 at
    the other 50. The boxes are equal, so this holds at each of the ten thresholds.
    """
    prediction = {"boxes": [[50, 50, 60, 60], [0, 0, 10, 10]], "scores": [0.9, 0.8], "labels": [1, 1]}
    target = {"boxes": [[0, 0, 10, 10], [20, 20, 40, 40]], "labels": [1, 1]}
    metric = CocoMeanAP()
    metric.update(prediction, target)
    numbers = metric.summary()
    assert metric.result() == pytest.approx(51 / 101 * 0.5, abs=1e-15)
    assert [numbers["map_50"], numbers["map_75"]] == pytest.approx([51 / 101 * 0.5] * 2, abs=1e-15)
    assert (numbers["mar_1"], numbers["mar_10"], numbers["mar_100"]) == (0.0, 0.5, 0.5)
    assert np.isnan(numbers["map_large"])
    assert coco_mean_ap(prediction, target) == metric.result()


def test_a_detection_inside_a_crowd_counts_neither_way() -> None:
    """The only object to find is found; three detections inside the crowd would be wrong if it were none."""
    inside = [[100, 100, 10, 10], [150, 150, 10, 10], [100, 150, 10, 10]]
    prediction = {"boxes": [*inside, [0, 0, 10, 10]], "scores": [0.9, 0.8, 0.7, 0.6], "labels": [0] * 4}
    target = {"boxes": [[0, 0, 10, 10], [90, 90, 100, 100]], "labels": [0, 0], "iscrowd": [0, 1]}
    assert metric_of([prediction], [target]).result() == pytest.approx(1.0, abs=1e-15)
    target["iscrowd"] = [0, 0]
    assert metric_of([prediction], [target]).result() == pytest.approx(51 / 101 / 4, abs=1e-15)


@pytest.mark.parametrize("batch", [1, 5])
def test_batches_make_no_difference(generate: Any, batch: int) -> None:
    predictions, targets = generate(3)
    assert repr(summary_of(predictions, targets, batch=batch)) == repr(summary_of(predictions, targets))


@QUICK
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 11), asked=st.booleans())
def test_merging_is_the_pass_over_both_to_the_bit(generate: Any, seed: int, cut: int, asked: bool) -> None:
    predictions, targets = generate(seed, crowds=0.1)
    without_ids = [{key: value for key, value in target.items() if key != "image_id"} for target in targets]
    first = metric_of(predictions[:cut], without_ids[:cut])
    second = metric_of(predictions[cut:], without_ids[cut:])
    if asked:  # a part that was matched before is merged like one that was not
        second.summary()
    before = repr(second.summary()) if asked else None
    first.merge(second)
    assert repr(first.summary()) == repr(metric_of(predictions, without_ids).summary())
    assert before is None or repr(second.summary()) == before


def test_with_ids_parts_can_be_merged_in_any_order(generate: Any) -> None:
    predictions, targets = generate(8, digits=0)
    parts = [metric_of(predictions[start::3], targets[start::3]) for start in (2, 0, 1)]
    for part in parts[1:]:
        parts[0].merge(part)
    assert repr(parts[0].summary()) == repr(summary_of(predictions, targets))


@QUICK
@given(seed=st.integers(0, 10_000), draw=st.lists(st.integers(0, 11), min_size=1, max_size=30), digits=st.sampled_from([0, 1, 15]))
def test_a_resample_is_the_metric_of_the_images_drawn_to_the_bit(generate: Any, seed: int, draw: list[int], digits: int) -> None:
    predictions, targets = generate(seed, digits=digits)
    metric = metric_of(predictions, targets)
    drawn = sorted(draw)
    copies = [{**targets[number], "image_id": place} for place, number in enumerate(drawn)]
    again = metric_of([predictions[number] for number in drawn], copies)
    if np.isnan(again.summary()["map"]):
        with pytest.raises(MetricValueError, match="No image has an object"):
            metric.resampled(draw)
    else:
        assert metric.resampled(np.array(draw)) == again.result()
    assert metric.units() == 12


def test_every_box_format_gives_the_same_number(generate: Any) -> None:
    predictions, targets = generate(2)
    expected = metric_of(predictions, targets).result()

    def convert(boxes: Any, box_format: BoxFormat) -> Any:
        left, top, width, height = np.asarray(boxes).T
        corners = {
            BoxFormat.XYXY: (left, top, left + width, top + height),
            BoxFormat.XYXY_INCLUSIVE: (left, top, left + width - 1, top + height - 1),
            BoxFormat.XYWH: (left, top, width, height),
            BoxFormat.YXYX: (top, left, top + height, left + width),
        }
        return np.stack(corners[box_format], axis=1)

    for box_format in BoxFormat:
        sides = [[{**image, "boxes": convert(image["boxes"], box_format)} for image in side] for side in (predictions, targets)]
        for side, converted in zip((predictions, targets), sides, strict=True):
            for image, other in zip(side, converted, strict=True):
                np.testing.assert_array_equal(to_xywh(other["boxes"], box_format), image["boxes"])
        metric = CocoMeanAP(box_format=box_format.value)
        metric.update(*sides)
        assert metric.result() == expected


@pytest.mark.parametrize(("interpolation", "count"), [("11-point", 11), ("101-point", 101), ("area", 0)])
def test_interpolation_against_the_definition(generate: Any, interpolation: str, count: int) -> None:
    """One class, one threshold, distinct scores: matching by brute force, then the definition of each interpolation."""
    predictions, targets = generate(11, classes=1, digits=15, crowds=0.0, images=20)
    metric = CocoMeanAP(box_format="xywh", thresholds=[0.5], interpolation=interpolation)
    metric.update(predictions, targets)
    right = brute_force_matches(predictions, targets)
    objects = sum(len(target["boxes"]) for target in targets)
    hits = np.cumsum(right)
    curve = [(hit / objects, hit / rank) for rank, hit in enumerate(hits, start=1)]

    def best(recall: float) -> float:
        return max((precision for reached, precision in curve if reached >= recall), default=0.0)

    if count:
        expected = float(np.mean([best(recall) for recall in np.linspace(0.0, 1.0, count)]))
    else:
        expected = sum(best(hit / objects) for hit in range(1, hits[-1] + 1)) / objects
    assert 0.1 < expected < 0.9
    assert metric.result() == pytest.approx(expected, abs=1e-12)


def brute_force_matches(predictions: list[dict[str, Any]], targets: list[dict[str, Any]]) -> list[bool]:
    """Whether each detection of all images, best first, takes a free object with an overlap of half."""
    ranked = []
    for prediction, target in zip(predictions, targets, strict=True):
        free = list(range(len(target["boxes"])))
        for number in sorted(range(len(prediction["boxes"])), key=lambda each, p=prediction: -p["scores"][each]):
            overlaps = [(intersection_over_union(prediction["boxes"][number], target["boxes"][other]), other) for other in free]
            value, other = max(overlaps, default=(0.0, -1))
            if value >= 0.5:
                free.remove(other)
            ranked.append((prediction["scores"][number], value >= 0.5))
    return [right for _, right in sorted(ranked, key=lambda entry: -entry[0])]


def intersection_over_union(first: Any, second: Any) -> float:
    across = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    down = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(across, 0.0) * max(down, 0.0)
    return float(shared / (first[2] * first[3] + second[2] * second[3] - shared)) if shared else 0.0


def test_names_stand_for_ids(generate: Any) -> None:
    predictions, targets = generate(4)
    names = {"cat": 0, "dog": 1, "owl": 2}
    called = list(names)
    named = [{**target, "labels": [called[label] for label in target["labels"]]} for target in targets]
    metric = metric_of(predictions, named, classes=names)
    assert metric.result() == metric_of(predictions, targets).result()
    assert set(metric.per_class()) == set(called)
    assert np.nanmean(list(metric.per_class().values())) == pytest.approx(metric.result(), abs=1e-15)
    assert metric_of(predictions, named, classes=called).result() == metric.result()


def test_the_value_asked_for_is_the_result(generate: Any) -> None:
    predictions, targets = generate(6, images=30)
    numbers = summary_of(predictions, targets)
    for value in ("map_50", "map_small", "mar_10", "mar_large"):
        assert metric_of(predictions, targets, value=value).result() == numbers[value]


def test_own_areas_and_counts_are_named_after_themselves(generate: Any) -> None:
    predictions, targets = generate(6)
    numbers = summary_of(predictions, targets, areas={"tiny": (0, 64)}, max_detections=(2, 300), thresholds=[0.5, 0.6])
    assert list(numbers) == ["map", "map_50", "map_tiny", "mar_2", "mar_300", "mar_tiny"]


def test_no_data_no_objects_and_repeated_images_are_errors(generate: Any) -> None:
    metric = CocoMeanAP(box_format="xywh")
    with pytest.raises(MetricValueError, match="no data was taken in"):
        metric.result()
    metric.update({"boxes": [[0, 0, 1, 1]], "scores": [0.5], "labels": [0]}, {"boxes": [], "labels": [], "image_id": 7})
    with pytest.raises(MetricValueError, match="No image has an object to find"):
        metric.result()
    with pytest.raises(MetricValueError, match="image 7 was seen before"):
        metric.update({"boxes": [], "scores": [], "labels": []}, {"boxes": [], "labels": [], "image_id": 7})
    with pytest.raises(MetricValueError, match="some have none"):
        metric.update({"boxes": [], "scores": [], "labels": []}, {"boxes": [], "labels": []})
    with pytest.raises(MetricTypeError, match="numbers and some are strings"):
        metric.update({"boxes": [], "scores": [], "labels": []}, {"boxes": [], "labels": [], "image_id": "a"})
    assert metric.units() == 1
    metric.reset()
    assert metric.units() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"box_format": "xxyy"}, "Unknown box format 'xxyy'"),
        ({"interpolation": "12-point"}, "Unknown interpolation"),
        ({"thresholds": [0.0]}, "threshold 0.0 is no overlap"),
        ({"thresholds": []}, "at least one"),
        ({"areas": {"small": (5, 1)}}, "area 'small'"),
        ({"areas": {"all": (0, 1)}}, "has a meaning already"),
        ({"max_detections": (10, 1)}, "max_detections is"),
        ({"value": "map_60"}, "Unknown value 'map_60'"),
        ({"classes": []}, "no classes"),
        ({"classes": {"cat": 1, "dog": 1}}, "share a name or an id"),
        ({"classes": {"cat": -1}}, "has the id -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(MetricValueError, match=message):
        CocoMeanAP(**options)


def test_metrics_with_other_options_are_not_merged() -> None:
    with pytest.raises(MetricValueError, match="options differ"):
        CocoMeanAP().merge(CocoMeanAP(box_format="xywh"))
    for other in (VocMeanAP(), object()):
        with pytest.raises(MetricTypeError, match="cannot be merged"):
            CocoMeanAP().merge(other)


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([12], MetricValueError, "no image 12"),
        ([-1], MetricValueError, "no image -1"),
        ([], MetricTypeError, "float64"),
        ([0.5], MetricTypeError, "whole"),
    ],
)
def test_indices_outside_the_images_are_refused(generate: Any, indices: Any, error: type[Exception], message: str) -> None:
    metric = metric_of(*generate(1))
    with pytest.raises(error, match=message):
        metric.resampled(indices)


def test_two_models_are_compared_over_resamples_of_the_images(generate: Any) -> None:
    predictions, targets = generate(7, images=40, digits=2)
    better, worse = metric_of(predictions, targets), CocoMeanAP(box_format="xywh")
    shifted = [{**prediction, "boxes": prediction["boxes"] + [20.0, 20.0, 0.0, 0.0]} for prediction in predictions]
    worse.update(shifted, targets)
    same = compare(better, better, resamples=100)
    assert (same.difference, same.low, same.high) == (0.0, 0.0, 0.0)
    lost = compare(better, worse, resamples=100)
    assert lost.units == 40
    assert lost.low <= lost.difference == worse.result() - better.result()
    assert lost.high < 0.0
