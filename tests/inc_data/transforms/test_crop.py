from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import CenterCrop, RandomCrop, RandomResizedCrop, Resize, build_transform
from PIL import Image


def test_the_middle_leaves_the_smaller_half_of_an_odd_margin_in_front():
    image = np.arange(30, dtype=np.uint8).reshape(5, 6)
    # margins: 5 - 2 = 3 rows, 1 above; 6 - 3 = 3 columns, 1 on the left
    assert CenterCrop((2, 3))(image).tolist() == [[7, 8, 9], [13, 14, 15]]
    assert np.asarray(CenterCrop((2, 3))(Image.fromarray(image))).tolist() == [[7, 8, 9], [13, 14, 15]]
    assert np.array_equal(CenterCrop((5, 6))(image), image)


def test_a_random_crop_takes_every_place_and_only_those():
    image = np.arange(12).reshape(3, 4)
    crop = RandomCrop((2, 3), seed=0)
    corners = {int(crop(image)[0, 0]) for _ in range(200)}
    assert corners == {0, 1, 4, 5}
    assert crop(image).shape == (2, 3)
    assert crop(Image.new("RGB", (4, 3))).size == (3, 2)


@pytest.mark.parametrize("transform", [CenterCrop((4, 2)), RandomCrop((4, 2))])
def test_an_image_that_is_too_small_is_refused_with_both_sizes(transform):
    with pytest.raises(ValueError, match=r"An image of 3x5 has no room for 4x2(?s:.*)Resize"):
        transform(np.zeros((3, 5, 3)))


def test_padded_center_crop_leaves_its_margin():
    # int(224 / 256 * 100) = 87; (100 - 87 + 1) // 2 = 7 and (120 - 87 + 1) // 2 = 17
    image = np.arange(100 * 120).reshape(100, 120)
    assert np.array_equal(build_transform("PaddedCenterCrop", size=224, crop_padding=32)(image), image[7:94, 17:104])
    with pytest.raises(ValueError, match="must be a square"):
        build_transform("PaddedCenterCrop", size=[2, 3])


def test_rectangles_that_leave_the_image_are_refused():
    box = {"offset_height": 1, "offset_width": 2, "target_height": 3, "target_width": 4}
    image = np.arange(30).reshape(5, 6)
    assert np.array_equal(build_transform("CropToBoundingBox", **box)(image), image[1:4, 2:6])
    with pytest.raises(ValueError, match="3x5 at row 1, column 2 leaves an image of 5x6"):
        build_transform("CropToBoundingBox", **{**box, "target_width": 5})(image)
    with pytest.raises(ValueError, match="leaves an image"):
        build_transform("CropResize", x=0, y=3, width=2, height=3, size=2)(image)


def test_crop_resize_is_a_crop_and_a_resize():
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8)
    found = build_transform("CropResize", x=1, y=2, width=5, height=6, size=[3, 4])(image)
    assert np.array_equal(found, Resize((3, 4))(image[2:8, 1:6]))


@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 5))
def test_random_resized_crops_have_the_area_and_ratio_asked_for(height, width, seed):
    crop = RandomResizedCrop(4, scale=(0.3, 0.6), ratio=(0.5, 2.0), seed=seed)
    top, left, rows, columns = crop.window(np.zeros((height, width, 1)))
    assert top + rows <= height
    assert left + columns <= width
    # Sides are rounded to whole pixels.
    assert (columns - 1) / (rows + 1) <= 2.0
    assert (columns + 1) / max(rows - 1, 0.5) >= 0.5
    if 0.5 <= width / height <= 2.0:
        assert (rows - 1) * (columns - 1) <= 0.6 * height * width


@pytest.mark.parametrize("args", [{"scale": 0.5}, {"scale": (0.5, 0.1)}, {"ratio": (0, 1)}, {"scale": (0.1, 0.2, 0.3)}])
def test_ranges_that_cannot_be_are_refused(args):
    with pytest.raises(ValueError, match=r"must be \(smallest, largest\)"):
        RandomResizedCrop(4, **args)
