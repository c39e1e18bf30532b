from __future__ import annotations

import pickle

import numpy as np
import pytest
from inc_data import Cast, ImageTransform, RandomCrop, RandomHorizontalFlip, Resize
from inc_data.transforms.protocol import pair


def test_a_transform_takes_an_image_or_a_pair_and_nothing_else():
    image = np.zeros((2, 2))
    assert Cast("uint8")(image).dtype == np.uint8
    cast, label = Cast("uint8")((image, "cat"))
    assert (cast.dtype, label) == (np.uint8, "cat")
    with pytest.raises(TypeError, match=r"A tuple of 3 is no pair(?s:.*)Cast"):
        Cast("uint8")((image, 1, 2))


def test_a_transform_whose_label_follows_overrides_apply_pair():
    class Shift(ImageTransform):
        def apply(self, image):
            return np.roll(image, 1)

        def apply_pair(self, image, label):
            return self.apply(image), label + 1

    image, label = Shift()((np.array([1, 2]), 4))
    assert (image.tolist(), label) == ([2, 1], 5)


def test_transforms_are_equal_by_options_frozen_and_hashable():
    assert Resize(4) == Resize([4, 4]) == Resize((4,))
    assert Resize(4) != Resize(4, "nearest")
    assert RandomCrop(4, seed=1) == RandomCrop(4, seed=1) != RandomCrop(4, seed=2)
    assert len({Resize(4), Resize([4, 4]), RandomCrop(4), RandomCrop(4)}) == 2
    with pytest.raises(AttributeError):
        Resize(4).size = 5


def test_a_random_transform_draws_the_sequence_of_its_seed_and_survives_copies():
    image = np.arange(2)[np.newaxis]

    def flips(transform):
        return [int(transform(image)[0, 0]) for _ in range(30)]

    assert flips(RandomHorizontalFlip(seed=5)) == flips(RandomHorizontalFlip(seed=5))
    assert flips(RandomHorizontalFlip(seed=5)) != flips(RandomHorizontalFlip(seed=6))
    assert flips(pickle.loads(pickle.dumps(RandomHorizontalFlip(seed=5)))) == flips(RandomHorizontalFlip(seed=5))
    with pytest.raises(ValueError, match="seed must be at least 0"):
        RandomHorizontalFlip(seed=-1)


def test_a_size_is_a_square_or_height_and_width():
    assert [pair(value, name="size", where="x") for value in (3, [3], (3, 5))] == [(3, 3), (3, 3), (3, 5)]
    for wrong in ((), (1, 2, 3), 0, (4, -1)):
        with pytest.raises(ValueError, match="size"):
            pair(wrong, name="size", where="x")
    with pytest.raises(TypeError, match=r"size must be an integer, got 2\.5"):
        pair(2.5, name="size", where="x")
