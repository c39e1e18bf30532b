from __future__ import annotations

import numpy as np
import pytest
from inc_data import CenterCrop, Compose, Rescale, Resize, ToArray
from PIL import Image


def test_transforms_are_applied_in_order_to_images_and_pairs():
    steps = Compose([Resize((4, 6)), CenterCrop((2, 4)), ToArray(), Rescale(), np.negative])
    image = Image.new("RGB", (8, 8), (255, 0, 0))
    assert steps(image).shape == (2, 4, 3)
    assert steps(image)[0, 0].tolist() == [-1.0, 0.0, 0.0]
    result, label = steps((image, {"boxes": []}))
    assert np.array_equal(result, steps(image))
    assert label == {"boxes": []}


def test_nested_compositions_are_equal_by_their_parts():
    assert Compose([Compose([Resize(2)]), ToArray()]) == Compose((Compose((Resize(2),)), ToArray()))
    assert Compose([Resize(2), ToArray()]) != Compose([ToArray(), Resize(2)])


@pytest.mark.parametrize("wrong", [Resize(2), [Resize(2), 3], None])
def test_only_a_list_of_callables_can_be_composed(wrong):
    with pytest.raises(TypeError, match="Compose takes a list of callables"):
        Compose(wrong)
