"""Input that makes no sense is refused with the image and the value, and changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inc_metrics import CocoMeanAP, MetricTypeError, MetricValueError

FOUND = {"boxes": [[0.0, 0.0, 5.0, 5.0]], "scores": [0.5], "labels": [1]}
TRUTH = {"boxes": [[0.0, 0.0, 5.0, 5.0], [1.0, 1.0, 2.0, 2.0]], "labels": [1, 0]}


def changed(image: dict[str, Any], **entries: Any) -> dict[str, Any]:
    return {**image, **entries}


@pytest.mark.parametrize(
    ("predictions", "targets", "error", "message"),
    [
        ([FOUND], [TRUTH, TRUTH], MetricValueError, "1 images of predictions and 2 of targets"),
        ([], [], MetricValueError, "batch is empty"),
        (np.zeros((1, 6)), TRUTH, MetricTypeError, "given as a ndarray"),
        ([FOUND["boxes"]], [TRUTH], MetricTypeError, "Image 0 is a list"),
        ({"boxes": [], "scores": []}, TRUTH, MetricTypeError, "has no labels; it has boxes, scores"),
        (changed(FOUND, boxes=[0.0, 0.0, 5.0, 5.0]), TRUTH, MetricValueError, r"boxes have shape \(4,\)"),
        (changed(FOUND, boxes=[[0.0, 0.0, 5.0]]), TRUTH, MetricValueError, r"boxes have shape \(1, 3\)"),
        (changed(FOUND, scores=[0.5, 0.4]), TRUTH, MetricValueError, r"scores have shape \(2,\), the boxes \(1, 4\)"),
        (changed(FOUND, scores=[np.nan]), TRUTH, MetricValueError, "(?s)1 of 1 scores are NaN.*image 0"),
        (changed(FOUND, labels=[-1]), TRUTH, MetricValueError, "Label -1 is outside"),
        (changed(FOUND, labels=[1.5]), TRUTH, MetricValueError, "1.5, which is no class index"),
        (changed(FOUND, labels=[2**40]), TRUTH, MetricValueError, "too large"),
        (changed(FOUND, labels=np.array([2**63], np.uint64)), TRUTH, MetricValueError, "Label 9223372036854775808 is too large"),
        (changed(FOUND, labels=[1e300]), TRUTH, MetricValueError, "too large"),
        (changed(FOUND, labels=[np.nan]), TRUTH, MetricValueError, "nan, which is no class index"),
        (changed(FOUND, boxes=[[-np.inf, 0.0, np.inf, 5.0]]), TRUTH, MetricValueError, "is not finite"),
        (changed(FOUND, boxes=[[0.0, 0.0, 1e200, 1e200]]), TRUTH, MetricValueError, "beyond 1e[+]30"),
        (changed(FOUND, labels=["cat"]), TRUTH, MetricValueError, "'cat' is a name, and no names are known"),
        (changed(FOUND, boxes=[[5.0, 0.0, 0.0, 5.0]]), TRUTH, MetricValueError, r"\[5.0, 0.0, 0.0, 5.0\] has a negative size as xyxy"),
        (changed(FOUND, boxes=[[0.0, 0.0, np.inf, 5.0]]), TRUTH, MetricValueError, "is not finite"),
        (FOUND, changed(TRUTH, boxes=[[0, 0, 1, 1], [3, 3, 2, 4]]), MetricValueError, "(?s)negative size.*targets"),
        (FOUND, changed(TRUTH, labels=[1]), MetricValueError, r"labels have shape \(1,\), the boxes \(2, 4\)"),
        (FOUND, changed(TRUTH, iscrowd=[0, 2]), MetricValueError, "iscrowd is 2"),
        (FOUND, changed(TRUTH, iscrowd=[0]), MetricValueError, r"iscrowd have shape \(1,\)"),
        (FOUND, changed(TRUTH, area=[1.0, -2.0]), MetricValueError, "An area is -2.0"),
        (FOUND, changed(TRUTH, area=[1.0, np.nan]), MetricValueError, "An area is nan"),
        (FOUND, changed(TRUTH, image_id=1.5), MetricTypeError, "image_id is 1.5"),
        ([FOUND, FOUND], [TRUTH, changed(TRUTH, image_id=1)], MetricValueError, "some have none"),
        ([FOUND, FOUND], [changed(TRUTH, image_id=1)] * 2, MetricValueError, "image 1 was seen before"),
    ],
)
def test_bad_images_are_refused_and_change_nothing(predictions: Any, targets: Any, error: type[Exception], message: str) -> None:
    metric = CocoMeanAP()
    with pytest.raises(error, match=message):
        metric.update(predictions, targets)
    assert metric.units() == 0
    metric.update(FOUND, TRUTH)
    assert metric.units() == 1


def test_the_image_at_fault_is_named() -> None:
    with pytest.raises(MetricValueError, match=r"predictions\), image 2"):
        CocoMeanAP().update([FOUND, FOUND, changed(FOUND, scores=[np.nan])], [TRUTH] * 3)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([7], r"Label 7 is none of the classes\n.*\n.*ids are 1, 5"), (["dgo"], "Unknown class 'dgo'(?s:.*)did you mean dog")],
)
def test_labels_outside_the_classes_are_refused(labels: list[Any], message: str) -> None:
    metric = CocoMeanAP(classes={"cat": 1, "dog": 5})
    with pytest.raises(MetricValueError, match=message):
        metric.update(changed(FOUND, labels=labels), {"boxes": [], "labels": []})


@pytest.mark.parametrize("classes", ["cat", 3, {"cat": "1"}, {1: "cat"}, {"cat": True}])
def test_classes_that_are_no_names_are_refused(classes: Any) -> None:
    with pytest.raises(MetricTypeError):
        CocoMeanAP(classes=classes)


def test_tensors_of_any_shape_of_nothing_are_images_without_boxes() -> None:
    metric = CocoMeanAP()
    for nothing in ([], np.zeros((0, 4)), np.zeros((0,), np.float32)):
        empty = {"boxes": nothing, "scores": np.zeros(0), "labels": np.zeros(0, np.int64)}
        metric.update([empty, FOUND], [TRUTH, {"boxes": nothing, "labels": []}])
    assert metric.units() == 6


def test_names_may_be_bytes_or_an_array_of_strings() -> None:
    values = []
    for labels in ([b"dog"], ["dog"], np.array(["dog"]), np.array([b"dog"], dtype=object), [1]):
        metric = CocoMeanAP(classes=["cat", "dog"])
        metric.update(changed(FOUND, labels=labels), TRUTH)
        values.append(metric.result())
    assert values == [values[0]] * 5
