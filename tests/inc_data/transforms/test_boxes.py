"""Boxes follow what happens to their image: every transform is checked against where a painted box is found in the result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import BilinearImagenet, Compose, DetectionLabel, ResizeCropImagenet, build_transform, collate
from inc_data.detection import detection_label
from PIL import Image

TRANSFORMS = [
    ("CenterCrop", {"size": (20, 30)}),
    ("PaddedCenterCrop", {"size": 8, "crop_padding": 2}),
    ("CropToBoundingBox", {"offset_height": 3, "offset_width": 5, "target_height": 17, "target_width": 40}),
    ("RandomCrop", {"size": (20, 30), "seed": 4}),
    ("RandomHorizontalFlip", {"p": 1.0}),
    ("RandomVerticalFlip", {"p": 1.0}),
    ("Pad", {"padding": (1, 2, 3, 4)}),
    ("ResizeWithRatio", {"min_dim": 64, "max_dim": 120, "padding": True, "interpolation": "nearest"}),
    ("ResizeWithRatio", {"min_dim": 64, "max_dim": 120, "interpolation": "nearest"}),
    ("CropResize", {"x": 4, "y": 2, "width": 40, "height": 20, "size": (40, 80), "interpolation": "nearest"}),
    ("Resize", {"size": (64, 120), "interpolation": "nearest"}),
]
SIZE = (32, 60)


def scene(top, left, bottom, right, number=1):
    """A black image with one white rectangle, and its label."""
    pixels = np.zeros((*SIZE, 1), np.uint8)
    pixels[top:bottom, left:right] = 255
    box = np.array([[top / SIZE[0], left / SIZE[1], bottom / SIZE[0], right / SIZE[1]]], np.float32)
    return pixels, DetectionLabel(box, ("thing",), np.array([number]), "x.jpg", np.array([False]))


def where_white(pixels):
    rows, columns = np.nonzero(pixels[:, :, 0] > 127)
    if not len(rows):
        return None
    return np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]) / np.tile(pixels.shape[:2], 2)


@pytest.mark.parametrize(("name", "args"), TRANSFORMS)
@given(corner=st.tuples(st.integers(0, 30), st.integers(0, 58)), extent=st.tuples(st.integers(1, 32), st.integers(1, 60)))
def test_a_box_stays_on_its_object(name, args, corner, extent):
    (top, left), (height, width) = corner, extent
    item = scene(top, left, min(top + height, SIZE[0]), min(left + width, SIZE[1]))
    image, label = build_transform(name, **args)(item)
    expected = where_white(image)
    if expected is None:
        assert len(label.boxes) == len(label.names) == len(label.classes) == len(label.crowd) == 0
    else:
        # Where an image is resized by a fraction, an edge lies within half a pixel of the rounded one.
        np.testing.assert_allclose(label.boxes, expected[np.newaxis], atol=0.51 / min(image.shape[:2]))
    assert label.image_id == "x.jpg"


@pytest.mark.parametrize(("name", "args"), TRANSFORMS)
def test_pillow_images_arrays_and_pairs_give_the_same_pixels(name, args):
    pixels, label = scene(3, 5, 20, 40)
    expected = build_transform(name, **args)(pixels)
    assert np.array_equal(build_transform(name, **args)((pixels, label))[0], expected)
    picture = build_transform(name, **args)(Image.fromarray(pixels[:, :, 0]))
    assert np.array_equal(np.asarray(picture), expected[:, :, 0])
    assert np.array_equal(build_transform(name, **args)(pixels[:, :, 0]), expected[:, :, 0])


def test_random_resized_crop_moves_boxes_with_what_it_draws():
    item = scene(8, 10, 24, 50)
    for seed in range(20):
        image, label = build_transform("RandomResizedCrop", size=(64, 64), interpolation="nearest", seed=seed)(item)
        expected = where_white(image)
        if expected is not None:
            np.testing.assert_allclose(label.boxes[0], expected, atol=1 / 8)


def test_labels_without_boxes_pass_unchanged_and_batches_keep_one_label_per_image():
    assert build_transform("CenterCrop", size=4)((np.zeros((8, 8, 1)), 3))[1] == 3
    first, second = scene(0, 0, 4, 4), scene(1, 1, 2, 2)
    crop = Compose([build_transform("CenterCrop", size=(32, 60)), lambda image: image.astype(np.float32)])
    images, labels = collate([crop(first), crop(second)])
    assert images.shape == (2, *SIZE, 1)
    assert [label.boxes.shape for label in labels] == [(1, 4), (1, 4)]
    assert all(isinstance(label, DetectionLabel) for label in labels)


@pytest.mark.parametrize(
    "transform",
    [
        BilinearImagenet(36, 36),
        ResizeCropImagenet(72, 72, resize_side=80),
        *(ResizeCropImagenet(72, 72, resize_side=80, random_crop=True, random_flip_left_right=True, seed=seed) for seed in range(6)),
    ],
    ids=str,
)
def test_boxes_follow_imagenets_crops_in_one_step(transform):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:30, 20:35] = 255
    whole = detection_label([[10 / 40, 20 / 60, 30 / 40, 35 / 60]], image_id=1, where="test")
    image, label = transform((pixels, whole))
    rows, columns = np.nonzero(image[:, :, 0] > (image.max() + image.min()) / 2)
    seen = np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
    # an edge of the bright rectangle is seen at the pixel whose middle is nearest
    assert np.abs(label.boxes[0] * (image.shape[:2] * 2) - seen).max() <= 1
