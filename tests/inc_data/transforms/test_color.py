from __future__ import annotations

import numpy as np
import pytest
from inc_data import ColorJitter
from PIL import Image, ImageEnhance


def picture():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 7, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("name", "enhancer"), [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast), ("saturation", ImageEnhance.Color)]
)
def test_a_range_of_one_value_is_that_factor(name, enhancer):
    found = ColorJitter(**{name: (1.5, 1.5)})(picture())
    assert np.array_equal(np.asarray(found), np.asarray(enhancer(picture()).enhance(1.5)))


def test_hue_turns_the_colour_circle():
    red = Image.new("RGB", (1, 1), (255, 0, 0))
    # A third of the circle is 85 of 256 steps: green, to within the steps of pillow's HSV.
    assert np.abs(np.subtract(ColorJitter(hue=(1 / 3, 1 / 3))(red).getpixel((0, 0)), (0, 255, 0))).max() <= 3
    grey = Image.new("L", (2, 2), 9)
    assert ColorJitter(hue=0.5)(grey).getpixel((0, 0)) == 9


def test_nothing_asked_nothing_changed_and_arrays_stay_arrays():
    pixels = np.asarray(picture())
    assert np.array_equal(ColorJitter()(pixels), pixels)
    changed = ColorJitter(0.5, 0.5, 0.5, 0.2, seed=1)(pixels)
    assert changed.shape == pixels.shape
    assert np.array_equal(changed, np.asarray(ColorJitter(0.5, 0.5, 0.5, 0.2, seed=1)(picture())))
    assert ColorJitter(0.5)(pixels[:, :, 0]).shape == (6, 7)


@pytest.mark.parametrize("args", [{"brightness": -1}, {"hue": 0.6}, {"hue": (-0.6, 0)}, {"contrast": (2, 1)}])
def test_ranges_that_cannot_be_are_refused(args):
    with pytest.raises(ValueError, match="out of range"):
        ColorJitter(**args)


def test_arrays_without_colours_are_refused():
    with pytest.raises(TypeError, match="has no colours"):
        ColorJitter(0.5)(np.zeros((2, 2, 3)))
