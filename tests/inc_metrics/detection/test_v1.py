"""The names of 1.x give the numbers of 1.x: pycocotools' matching, then accumulation in float32 written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inc_metrics import MetricError, MetricValueError
from inc_metrics.detection.v1 import V1MAP, V1CocoMAP, V1CocoMAPv2, V1VocMAP

Batch = tuple[Any, Any]
NAMES = {0: "person", 1: "bicycle", 2: "car"}


def as_v1(predictions: list[dict[str, Any]], targets: list[dict[str, Any]], *, dtype: type = np.float32) -> Batch:
    """All images as one batch of 1.x: fractions of a 200 pixel image, top, left, bottom, right; COCO's ids 1 to 3; padded detections."""
    most = max(len(each["scores"]) for each in predictions)
    boxes = np.zeros((len(predictions), most, 4), dtype)
    scores, classes = np.zeros((len(predictions), most), dtype), np.ones((len(predictions), most), dtype)
    counts = np.array([len(each["scores"]) for each in predictions], dtype)
    for row, each in enumerate(predictions):
        count = len(each["scores"])
        boxes[row, :count] = corners(each["boxes"], dtype)
        scores[row, :count], classes[row, :count] = each["scores"], each["labels"] + 1
    labels = (
        [corners(each["boxes"], dtype) for each in targets],
        [[NAMES[int(label)].encode() for label in each["labels"]] for each in targets],
        [[] for _ in targets],
        [f"image {each['image_id']:03d}".encode() for each in targets],
    )
    return (counts, boxes, scores, classes), labels


def corners(boxes: Any, dtype: type) -> Any:
    left, top, width, height = np.asarray(boxes).reshape(-1, 4).T
    return (np.stack((top, left, top + height, left + width), axis=1) / 200.0).astype(dtype)


def numbers_of_v1(evaluation_of: Any, batch: Batch, thresholds: Any, points: int) -> float:
    """The mean that 1.x reports over overlaps, classes and recalls."""
    (counts, boxes, scores, classes), (true_boxes, names, _, identifiers) = batch
    ids = {name.encode(): label + 1 for label, name in NAMES.items()}
    predictions, targets = [], []
    for row, identifier in enumerate(identifiers):
        count = int(counts[row])
        top, left, bottom, right = boxes[row, :count].T
        found = np.stack((left, top, right - left, bottom - top), axis=1).astype(np.float64)
        predictions.append({"boxes": found, "scores": scores[row, :count].astype(np.float64), "labels": classes[row, :count]})
        top, left, bottom, right = true_boxes[row].T
        truth = np.stack((left, top, right - left, bottom - top), axis=1).astype(np.float64)
        area = (bottom - top) * (right - left)
        targets.append({"boxes": truth, "area": area, "labels": [ids[name] for name in names[row]], "image_id": identifier.decode()})
    evaluation = evaluation_of(predictions, targets)
    evaluation.params.iouThrs = np.asarray(thresholds)
    evaluation.evaluate()
    return accumulate_in_float32(evaluation, points)


def accumulate_in_float32(evaluation: Any, points: int) -> float:
    params = evaluation.params
    images, areas = len(params.imgIds), len(params.areaRng)
    values = []
    for label in range(len(params.catIds)):
        entries = [each for each in evaluation.evalImgs[label * areas * images : label * areas * images + images] if each is not None]
        objects = sum(int(np.sum(each["gtIgnore"] == 0)) for each in entries)
        if not objects:
            continue
        order = np.argsort(-np.concatenate([each["dtScores"] for each in entries]), kind="mergesort")
        matched = np.concatenate([each["dtMatches"] for each in entries], axis=1)[:, order] > 0
        for row in matched:
            hits, misses = np.cumsum(row).astype(np.float32), np.cumsum(~row).astype(np.float32)
            recall, precision = hits / np.float32(objects), hits / (hits + misses)
            envelope = [max(precision[number:], default=0.0) for number in range(len(row))]
            if points:
                recalls = np.linspace(0.0, 1.0, points)
                best = [next((envelope[n] for n in range(len(row)) if float(recall[n]) >= wanted), 0.0) for wanted in recalls]
                values.append(float(np.mean(np.array(best, dtype=np.float64))))
            else:
                steps = np.diff(recall.astype(np.float64), prepend=0.0)
                values.append(float(sum(step * float(best) for step, best in zip(steps, envelope, strict=True))))
    return float(np.mean(values))


COCO = np.linspace(0.5, 0.95, 10)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("metric", "thresholds", "points"),
    [
        (V1MAP(), [0.5], 0),
        (V1MAP(iou_thrs=0.75, map_points=11), [0.75], 11),
        (V1MAP(iou_thrs="0.5:0.05:0.95", map_points=101), COCO, 101),
        (V1CocoMAP(iou_thrs=0.3, map_points=0), COCO, 101),
        (V1VocMAP(map_points=101), [0.5], 0),
    ],
)
def test_the_numbers_are_those_of_1x(
    generate: Any, pycocotools_evaluation: Any, *, metric: V1MAP, thresholds: Any, points: int, seed: int
) -> None:
    batch = as_v1(*generate(seed, digits=2, crowds=0.0, images=30))
    metric.reset()
    metric.update(*batch)
    expected = numbers_of_v1(pycocotools_evaluation, batch, thresholds, points)
    assert 0.1 < expected < 0.9
    assert metric.result() == pytest.approx(expected, abs=1e-9)


def test_an_image_that_comes_again_is_left_out(generate: Any) -> None:
    (counts, boxes, scores, classes), labels = as_v1(*generate(1, crowds=0.0))
    metric = V1CocoMAP()
    metric.update((counts, boxes, scores, classes), labels)
    expected = metric.result()
    metric.update((counts, boxes, scores * 0.5, classes), labels)
    assert (metric.result(), metric.units()) == (expected, len(counts))
    other = V1CocoMAP()
    other.update((counts, boxes, scores * 0.5, classes), labels)
    metric.merge(other)
    assert (metric.result(), metric.units()) == (expected, len(counts))


def test_three_lists_count_every_row_and_ids_do_as_well_as_names(generate: Any) -> None:
    predictions, targets = generate(2, crowds=0.0)
    (counts, boxes, scores, classes), (true_boxes, names, _, identifiers) = as_v1(predictions, targets)
    four = V1CocoMAP()
    four.update((counts, boxes, scores, classes), (true_boxes, names, [[]] * len(names), identifiers))
    cut = [int(count) for count in counts]
    three = V1CocoMAP()
    three.update(
        [[column[row][: cut[row]] for row in range(len(cut))] for column in (boxes, scores, classes)],
        (true_boxes, [[]] * len(names), [target["labels"] + 1 for target in targets], identifiers),
    )
    assert three.result() == four.result()
    mapped = V1CocoMAPv2(output_index_mapping={"num_detections": 0, "boxes": 3, "scores": 1, "classes": 2})
    mapped.update([counts, scores, classes, boxes], (true_boxes, names, [[]] * len(names), identifiers))
    assert mapped.result() == four.result()


def test_what_is_no_class_of_coco_is_dropped_on_both_sides() -> None:
    """Id 12 is one of COCO's gaps: 1.x dropped it even where a file of its own gave it a name."""
    box = [[0.1, 0.1, 0.5, 0.5]]
    metric = V1MAP(anno_path={"person": 1, "street sign": 12})
    metric.update(([box * 2], [[0.9, 0.8]], [[12, 1]]), ([box * 2], [["street sign", "person"]], [[]], ["a"]))
    assert list(metric.per_class()) == [1]
    assert metric.result() == pytest.approx(1.0, abs=1e-7)


def test_names_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("robin: 16\nwren: 17\n", encoding="utf-8")
    metric = V1VocMAP(anno_path=str(path))
    metric.update(([[[0, 0, 1, 1]]], [[0.9]], [[17]]), ([[[0, 0, 1, 1]]], [["wren"]], [[]], ["a"]))
    assert list(metric.per_class()) == [17]
    with pytest.raises(MetricValueError, match="Unknown class 'person'"):
        metric.update(([[[0, 0, 1, 1]]], [[0.9]], [[17]]), ([[[0, 0, 1, 1]]], [["person"]], [[]], ["b"]))


def test_map_key_chooses_the_number(generate: Any) -> None:
    batch = as_v1(*generate(5, crowds=0.0, images=25))
    whole = V1CocoMAP()
    whole.update(*batch)
    for key, name in (("Precision/mAP@.50IOU", "map_50"), ("Recall/AR@10", "mar_10"), ("Precision/mAP (small)", "map_small")):
        metric = V1CocoMAP(map_key=f"DetectionBoxes_{key}")
        metric.update(*batch)
        assert metric.result() == whole.summary()[name]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"map_key": "mAP"}, "Unknown map_key"),
        ({"map_points": 10}, "map_points is 10"),
        ({"iou_thrs": "0.5:0.95"}, "iou_thrs is '0.5:0.95'"),
        ({"iou_thrs": 50.0}, "50.0 is no overlap"),
        ({"map_key": "DetectionBoxes_Recall/AR@1"}, "was always 1 with map_points 0"),
        ({"map_key": ["map"]}, "Unknown map_key"),
        ({"map_points": [0]}, "map_points is"),
        ({"iou_thrs": [0.5]}, "iou_thrs is"),
        ({"iou_thrs": None}, "iou_thrs is None"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        V1MAP(**options)


@pytest.mark.parametrize(
    ("predictions", "labels", "message"),
    [
        (([], []), ([], [], [], []), "predictions are 2 lists"),
        (([[[0, 0, 1, 1]]], [[0.9]], [[1]]), ([], [], []), "labels are 3 lists"),
        (([[[0, 0, 1, 1]]], [[0.9]], [[1]]), ([[[0, 0, 1, 1]]], [["person"]], [[1]], ["a"]), "has names and ids"),
        (([[[0, 0, 1, 1]]], [[0.9]], [[1]]), ([[[0, 0, 1, 1]]], [["person"]], [[]], ["a", "b"]), "boxes of 1 images and 2 image ids"),
        (([[[0, 0, 1, 1]]], [[0.9, 0.8]], [[1]]), ([[[0, 0, 1, 1]]], [["person"]], [[]], ["a"]), r"scores \(2,\), classes \(1,\)"),
        (([[[0, 0, 1, 1]]], [[0.9]], [[1, 2]]), ([[[0, 0, 1, 1]]], [["person"]], [[]], ["a"]), r"scores \(1,\), classes \(2,\)"),
        (([[[1, 0, 0, 1]]], [[0.9]], [[1]]), ([[[0, 0, 1, 1]]], [["person"]], [[]], ["a"]), "negative size"),
    ],
)
def test_batches_of_another_layout_are_refused(predictions: Any, labels: Any, message: str) -> None:
    metric = V1CocoMAP()
    with pytest.raises(MetricValueError, match=message):
        metric.update(predictions, labels)
    assert metric.units() == 0


@pytest.mark.parametrize("mapping", [{"boxes": 0}, {"boxes": 0, "scores": 1, "classes": 2, "masks": 3}])
def test_an_incomplete_mapping_of_outputs_is_refused(mapping: dict[str, int]) -> None:
    with pytest.raises(MetricValueError, match="The mapping is"):
        V1CocoMAPv2(output_index_mapping=mapping)
    with pytest.raises(MetricValueError, match="The model has 2 outputs"):
        V1CocoMAPv2().update(([], []), ([], [], [], []))


@pytest.mark.parametrize("count", [-1, 4, 1.5, np.nan, [1, 2]])
def test_a_count_that_is_none_is_refused(count: object) -> None:
    batch = [np.array([count])], [np.tile([0.0, 0.0, 9.0, 9.0], (3, 1))], [np.ones(3)], [np.ones(3, int)]
    with pytest.raises(MetricValueError, match=r"num_detections is .* with 3 rows"):
        V1MAP().update(batch, ([np.array([[0.0, 0.0, 9.0, 9.0]])], [["person"]], [[]], ["a"]))


@pytest.mark.parametrize("wrong", [None, 3, [3], np.array(3), np.array([1.0, 2.0])])
@pytest.mark.parametrize("column", range(7))
def test_a_column_of_another_form_is_refused_in_three_parts(column: int, wrong: object) -> None:
    box = np.array([[0.0, 0.0, 9.0, 9.0]])
    columns: list[Any] = [[box], [np.ones(1)], [np.ones(1, int)], [box], [["person"]], [[]], ["a"]]
    columns[column] = wrong
    if column == 6 and isinstance(wrong, list):
        return  # an id may be a number
    with pytest.raises(MetricError, match=r"(?s)where: .*\n  fix: "):
        V1MAP().update(columns[:3], columns[3:])
