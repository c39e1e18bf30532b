from __future__ import annotations

import numpy as np
import pytest
from inc_data import RandomHorizontalFlip
from PIL import Image


def test_certain_and_impossible_flips():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert RandomHorizontalFlip(1.0)(image).tolist() == [[2, 1, 0], [5, 4, 3]]
    assert np.asarray(RandomHorizontalFlip(1.0)(Image.fromarray(image))).tolist() == [[2, 1, 0], [5, 4, 3]]
    assert RandomHorizontalFlip(0.0)(image) is image


def test_the_share_of_flips_is_p():
    flip = RandomHorizontalFlip(0.25, seed=1)
    share = np.mean([flip(np.array([[0, 1]]))[0, 0] for _ in range(2000)])
    # standard deviation of the mean: sqrt(0.25 * 0.75 / 2000) = 0.0097; five of them
    assert abs(share - 0.25) < 0.05


@pytest.mark.parametrize(
    ("p", "kind", "message"),
    [
        (-0.1, ValueError, "p is a probability"),
        (1.1, ValueError, "p is a probability"),
        (float("nan"), ValueError, "finite"),
        ("a", TypeError, "number"),
    ],
)
def test_p_is_a_probability(p, kind, message):
    with pytest.raises(kind, match=message):
        RandomHorizontalFlip(p)
