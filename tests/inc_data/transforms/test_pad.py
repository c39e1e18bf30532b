from __future__ import annotations

import numpy as np
import pytest
from inc_data import Pad, ResizeWithRatio
from PIL import Image


def test_sides_are_left_top_right_bottom():
    image = np.ones((2, 3, 1), np.uint8)
    padded = Pad((1, 2, 3, 4))(image)
    assert padded.shape == (2 + 2 + 4, 3 + 1 + 3, 1)
    assert padded[2:4, 1:4].all()
    assert padded.sum() == 6
    assert Pad(1)(image).shape == (4, 5, 1)
    assert Pad((1, 2))(image).shape == (6, 5, 1)


def test_borders_are_filled_as_asked():
    row = np.array([[[1], [2], [3]]], np.uint8)

    def border(**options):
        return Pad((2, 0, 2, 0), **options)(row)[0, :, 0].tolist()

    assert border(fill=9) == [9, 9, 1, 2, 3, 9, 9]
    assert border(padding_mode="edge") == [1, 1, 1, 2, 3, 3, 3]
    assert border(padding_mode="reflect") == [3, 2, 1, 2, 3, 2, 1]
    assert border(padding_mode="symmetric") == [2, 1, 1, 2, 3, 3, 2]
    coloured = Pad(1, fill=(1, 2, 3))(Image.new("RGB", (1, 1)))
    assert coloured.mode == "RGB"
    assert coloured.getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGB", "RGBA", "CMYK", "I", "F"])
def test_a_picture_keeps_its_mode_and_levels(mode):
    picture = Image.new("RGB", (3, 2), (200, 100, 50)).convert(mode)
    padded = Pad((2, 1, 0, 0))(picture)
    assert (padded.mode, padded.size) == (mode, (5, 3))
    assert padded.crop((2, 1, 5, 3)).convert("RGB").tobytes() == picture.convert("RGB").tobytes()
    assert Pad(1)(picture.convert("1")).mode == "L"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((400, 500), (800, 1000)),  # twice: the short side reaches 800
        ((400, 800), (682, 1365)),  # 1365 / 800 = 1.70625 is less than 2
        ((900, 1000), (900, 1000)),  # never smaller
        ((1000, 2730), (500, 1365)),  # but never beyond max_dim
    ],
)
def test_the_factor_of_resize_with_ratio(size, expected):
    assert ResizeWithRatio()(np.zeros((*size, 1), np.uint8)).shape[:2] == expected


def test_resize_with_ratio_pads_to_a_square_with_the_image_in_the_middle():
    image = ResizeWithRatio(min_dim=4, max_dim=9, padding=True, constant_value=7)(np.zeros((2, 3, 1), np.uint8))
    assert image.shape == (9, 9, 1)
    assert (image == 7).sum() == 81 - 4 * 6
    assert not image[2:6, 1:7].any()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Pad((1, 2, 3)), "one, two or four numbers"),
        (lambda: Pad(-1), "at least 0"),
        (lambda: Pad(1, padding_mode="mirror"), "Unknown padding_mode 'mirror'"),
        (lambda: Pad(1, fill=(1, 2))(np.zeros((2, 2, 3), np.uint8)), "2 levels do not fit an image of 3 channels"),
        (lambda: ResizeWithRatio(min_dim=10, max_dim=5), "max_dim must be at least 10"),
    ],
)
def test_bad_options_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
