"""Generated data sets, and the twelve numbers that pycocotools gives for them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Images = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def generate_images(seed: int, *, images: int = 12, classes: int = 3, digits: int = 1, crowds: float = 0.15, size: float = 200.0) -> Images:
    """Boxes in xywh on whole pixels, so that overlaps tie; scores of few digits, so that they tie; some images without anything."""
    rng = np.random.default_rng(seed)
    predictions, targets = [], []
    for number in range(images):
        count = 0 if rng.random() < 0.15 else int(rng.integers(0, 9))
        boxes = rng.integers(0, [size, size, size, size], (count, 4)).astype(np.float64)
        labels = rng.integers(0, classes, count)
        around = np.repeat(np.arange(count), rng.integers(0, 5, count))
        near = np.abs(boxes[around] + rng.normal(0.0, size / 25, (len(around), 4)).round())
        near_labels = np.where(rng.random(len(around)) < 0.85, labels[around], rng.integers(0, classes, len(around)))
        far = rng.integers(0, size, (0 if rng.random() < 0.2 else int(rng.integers(0, 8)), 4)).astype(np.float64)
        found = np.concatenate([near, far])
        found_labels = np.concatenate([near_labels, rng.integers(0, classes, len(far))])
        order = rng.permutation(len(found))
        scores = rng.random(len(found)).round(digits)
        predictions.append({"boxes": found[order], "labels": found_labels[order], "scores": scores})
        crowd = (rng.random(count) < crowds).astype(int)
        area = boxes[:, 2] * boxes[:, 3] * rng.choice([1.0, 0.6], count)
        targets.append({"boxes": boxes, "labels": labels, "iscrowd": crowd, "area": area, "image_id": number + 1})
    return predictions, targets


def coco_evaluation(predictions: list[dict[str, Any]], targets: list[dict[str, Any]]) -> COCOeval:
    """Return pycocotools' evaluation before accumulation; boxes are xywh."""
    objects: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for prediction, target in zip(predictions, targets, strict=True):
        image = target["image_id"]
        crowds = target.get("iscrowd", np.zeros(len(target["boxes"]), int))
        for box, label, crowd, area in zip(target["boxes"], target["labels"], crowds, target["area"], strict=True):
            entry = {"id": len(objects) + 1, "image_id": image, "category_id": int(label), "bbox": box.tolist()}
            objects.append({**entry, "area": float(area), "iscrowd": int(crowd)})
        for box, label, score in zip(prediction["boxes"], prediction["labels"], prediction["scores"], strict=True):
            entry = {"id": len(found) + 1, "image_id": image, "category_id": int(label), "bbox": box.tolist()}
            found.append({**entry, "score": float(score), "area": float(box[2] * box[3]), "iscrowd": 0})
    labels = sorted({int(each["category_id"]) for each in objects + found})
    frame = {"images": [{"id": target["image_id"]} for target in targets], "categories": [{"id": label} for label in labels]}
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for annotations in (objects, found):
            side = COCO()
            side.dataset = {**frame, "annotations": annotations}
            side.createIndex()
            sides.append(side)
        return COCOeval(*sides, "bbox")


def twelve_numbers(predictions: list[dict[str, Any]], targets: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    """Return COCO's summary, -1 where nothing is defined."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = coco_evaluation(predictions, targets)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.asarray(evaluation.stats)


@pytest.fixture(scope="session")
def generate() -> Callable[..., Images]:
    return generate_images


@pytest.fixture(scope="session")
def pycocotools_summary() -> Callable[..., np.ndarray[Any, Any]]:
    return twelve_numbers


@pytest.fixture(scope="session")
def pycocotools_evaluation() -> Callable[..., COCOeval]:
    return coco_evaluation
