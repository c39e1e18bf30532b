"""Pascal VOC's mean average precision, by hand and against the devkit's rules written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inc_metrics import CocoMeanAP, MetricValueError, VocMeanAP, voc_mean_ap

# One class, three objects in two images. Detections by score:
#   0.9 right (image 0), 0.8 wrong (nothing there), 0.7 right (image 1), 0.6 wrong (that object is taken), 0.5 wrong.
# Precision at the two hits: 1/1 and 2/3, recalls 1/3 and 2/3.
PREDICTIONS = [
    {"boxes": [[0, 0, 10, 10], [80, 80, 90, 90]], "scores": [0.9, 0.8], "labels": [0, 0]},
    {"boxes": [[20, 20, 40, 40], [20, 20, 40, 41], [60, 0, 70, 10]], "scores": [0.7, 0.6, 0.5], "labels": [0, 0, 0]},
]
TARGETS = [
    {"boxes": [[0, 0, 10, 10]], "labels": [0]},
    {"boxes": [[20, 20, 40, 40], [0, 50, 30, 60]], "labels": [0, 0]},
]


def test_the_area_by_hand() -> None:
    """Recall rises by 1/3 at precision 1 and by 1/3 at precision 2/3."""
    assert voc_mean_ap(PREDICTIONS, TARGETS) == pytest.approx(1 / 3 + 1 / 3 * 2 / 3, abs=1e-12)


def test_eleven_points_by_hand() -> None:
    """Recalls 0 to 0.3 are reached at precision 1, 0.4 to 0.6 at 2/3, 0.7 to 1 never: (4 + 3 * 2/3) / 11."""
    assert voc_mean_ap(PREDICTIONS, TARGETS, interpolation="11-point") == pytest.approx(6 / 11, abs=1e-12)


def test_three_of_ten_objects_reach_a_recall_of_three_tenths() -> None:
    """The fourth of the eleven recalls is 0.3, not the 0.30000000000000004 that 3 * 0.1 gives: 4 points at precision 1."""
    boxes = [[20 * number, 0, 20 * number + 10, 10] for number in range(10)]
    prediction = {"boxes": boxes[:3], "scores": [0.9, 0.8, 0.7], "labels": [0] * 3}
    value = voc_mean_ap(prediction, {"boxes": boxes, "labels": [0] * 10}, interpolation="11-point")
    assert value == pytest.approx(4 / 11, abs=1e-12)


def test_a_difficult_object_counts_neither_way() -> None:
    """Without the second object of image 1, and with the first one difficult: one object, found first; one wrong before nothing."""
    targets = [TARGETS[0], {**TARGETS[1], "difficult": [1, 1]}]
    metric = VocMeanAP(interpolation="11-point")
    metric.update(PREDICTIONS, targets)
    assert metric.result() == pytest.approx(1.0, abs=1e-12)
    difficult_only = VocMeanAP()
    difficult_only.update(PREDICTIONS[1], targets[1])
    with pytest.raises(MetricValueError, match=r"(?s)No image has an object to find.*difficult"):
        difficult_only.result()


def test_a_detection_whose_best_object_is_taken_is_wrong_although_another_would_do() -> None:
    """Both detections overlap object A most; the second also overlaps B by 8/12. VOC: one hit of two; COCO: both are found."""
    prediction = {"boxes": [[0, 0, 10, 10], [1, 0, 11, 10]], "scores": [0.9, 0.8], "labels": [0, 0]}
    target = {"boxes": [[0, 0, 10, 10], [3, 0, 13, 10]], "labels": [0, 0]}
    assert voc_mean_ap(prediction, target) == pytest.approx(0.5, abs=1e-12)
    coco = CocoMeanAP(thresholds=[0.5])
    coco.update(prediction, target)
    assert coco.result() == pytest.approx(1.0, abs=1e-12)


def test_inclusive_pixels_widen_boxes_as_in_the_development_kit() -> None:
    """Boxes of pixels 0..9 and 5..14: as areas 4/14 overlap, as pixels 5 columns of 15. With a threshold of 1/3 only these match."""
    prediction = {"boxes": [[0, 0, 9, 9]], "scores": [1.0], "labels": [0]}
    target = {"boxes": [[5, 0, 14, 9]], "labels": [0]}
    values = []
    for box_format in ("xyxy", "xyxy-inclusive"):
        metric = VocMeanAP(box_format=box_format, threshold=1 / 3)
        metric.update(prediction, target)
        values.append(metric.result())
    assert values == pytest.approx([0.0, 1.0], abs=1e-12)


@pytest.mark.parametrize("interpolation", ["area", "11-point"])
@pytest.mark.parametrize("seed", range(6))
def test_generated_images_against_the_rules_written_out(generate: Any, seed: int, interpolation: str) -> None:
    predictions, targets = generate(seed, images=25, digits=15, size=60.0)
    rng = np.random.default_rng(seed)
    targets = [
        {"boxes": target["boxes"], "labels": target["labels"], "difficult": rng.random(len(target["boxes"])) < 0.2} for target in targets
    ]
    metric = VocMeanAP(box_format="xywh", interpolation=interpolation)
    for prediction, target in zip(predictions, targets, strict=True):
        metric.update(prediction, target)
    expected = {label: devkit(predictions, targets, label, interpolation) for label in range(3)}
    assert metric.per_class() == pytest.approx(expected, abs=1e-12)
    assert metric.result() == pytest.approx(np.mean(list(expected.values())), abs=1e-12)
    draw = rng.integers(0, 25, 25)
    again = VocMeanAP(box_format="xywh", interpolation=interpolation)
    again.update([predictions[number] for number in sorted(draw)], [targets[number] for number in sorted(draw)])
    assert metric.resampled(draw) == again.result()


def devkit(predictions: list[dict[str, Any]], targets: list[dict[str, Any]], label: int, interpolation: str) -> float:
    """One class by the rules of the challenge, detection by detection over all images."""
    found = [
        (score, image, box)
        for image, each in enumerate(predictions)
        for score, box, its in zip(each["scores"], each["boxes"], each["labels"], strict=True)
        if its == label
    ]
    truth = [[number for number, its in enumerate(each["labels"]) if its == label] for each in targets]
    taken: set[tuple[int, int]] = set()
    right, wrong = [], []
    for _, image, box in sorted(found, key=lambda entry: -entry[0]):
        best, chosen = 0.0, -1
        for number in truth[image]:
            value = overlap(box, targets[image]["boxes"][number])
            if value > best:
                best, chosen = value, number
        near = best >= 0.5
        if near and targets[image]["difficult"][chosen]:
            right.append(0)
            wrong.append(0)
            continue
        hit = near and (image, chosen) not in taken
        if hit:
            taken.add((image, chosen))
        right.append(int(hit))
        wrong.append(int(not hit))
    objects = sum(not targets[image]["difficult"][number] for image, numbers in enumerate(truth) for number in numbers)
    hits, misses = np.cumsum(right), np.cumsum(wrong)
    curve = [(hit / objects, hit / (hit + miss) if hit + miss else 0.0) for hit, miss in zip(hits, misses, strict=True)]

    def best_precision(recall: float) -> float:
        return max((precision for reached, precision in curve if reached >= recall), default=0.0)

    if interpolation == "11-point":
        return sum(best_precision(tenth / 10) for tenth in range(11)) / 11
    return sum(best_precision(hit / objects) for hit in range(1, int(hits[-1]) + 1)) / objects


def overlap(first: Any, second: Any) -> float:
    across = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    down = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(across, 0.0) * max(down, 0.0)
    return float(shared / (first[2] * first[3] + second[2] * second[3] - shared)) if shared else 0.0


def test_merging_is_the_pass_over_both(generate: Any) -> None:
    predictions, targets = generate(9)
    parts = [VocMeanAP(box_format="xywh") for _ in range(3)]
    parts[0].update(predictions[:5], targets[:5])
    parts[1].update(predictions[5:], targets[5:])
    parts[2].update(predictions, targets)
    parts[0].merge(parts[1])
    assert parts[0].result() == parts[2].result()


@pytest.mark.parametrize("threshold", [0.0, 1.5, float("nan")])
def test_a_threshold_that_is_no_overlap_is_refused(threshold: float) -> None:
    with pytest.raises(MetricValueError, match="is no overlap"):
        VocMeanAP(threshold=threshold)
