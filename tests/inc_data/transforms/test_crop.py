from __future__ import annotations

import numpy as np
import pytest
from inc_data import CenterCrop, RandomCrop
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
