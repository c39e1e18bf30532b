from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import ArrayDataset, DataLoader, RandomCrop, RandomHorizontalFlip, collate


class ByNumber:
    """Items are found by number until IndexError; there is no length."""

    def __getitem__(self, index):
        if index >= 5:
            raise IndexError(index)
        return np.full(2, index), index


class Stream:
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return iter(range(self.count))


@given(count=st.integers(1, 40), size=st.integers(1, 12), shuffle=st.booleans(), as_list=st.booleans(), keep=st.booleans())
def test_batches_hold_every_item_once_in_batches_of_the_size(count, size, shuffle, as_list, keep):
    dataset = list(range(count)) if as_list else ArrayDataset(np.arange(count))
    if not keep and size > count:
        return
    loader = DataLoader(dataset, size, shuffle=shuffle, last_batch="rollover" if keep else "discard")
    batches = list(loader)
    expected = [size] * (count // size) + ([count % size] if keep and count % size else [])
    assert [len(batch) for batch in batches] == expected
    assert len(loader) == len(expected)
    items = np.concatenate(batches).tolist()
    assert len(set(items)) == len(items)
    assert set(items) <= set(range(count))
    if not shuffle:
        assert items == list(range(len(items)))


def test_whole_batches_of_arrays_equal_collated_items():
    arrays = {"x": np.arange(14.0).reshape(7, 2), "y": (np.arange(7),)}
    dataset = ArrayDataset(arrays, np.arange(7) * 2)
    for shuffle in (False, True):
        fast = list(DataLoader(dataset, 3, shuffle=shuffle, seed=1))
        slow = list(DataLoader(dataset, 3, shuffle=shuffle, seed=1, collate=lambda samples: collate(list(samples))))
        for (inputs, labels), (inputs_2, labels_2) in zip(fast, slow, strict=True):
            assert inputs["x"].tolist() == inputs_2["x"].tolist()
            assert inputs["y"][0].tolist() == inputs_2["y"][0].tolist()
            assert labels.tolist() == labels_2.tolist()


def test_batches_in_order_are_slices_and_copy_nothing():
    array = np.zeros((6, 2))
    assert all(np.shares_memory(batch, array) for batch in DataLoader(ArrayDataset(array), 4))
    assert all(np.shares_memory(batch, array) for batch in DataLoader(array, 4))


def test_a_loader_can_be_read_again_and_shuffles_anew_by_seed_and_epoch():
    def epochs(seed):
        loader = DataLoader(list(range(30)), 7, shuffle=True, seed=seed)
        return [np.concatenate(list(loader)).tolist() for _ in range(2)]

    assert epochs(0) == epochs(0)
    assert epochs(0)[0] != epochs(0)[1]
    assert epochs(0) != epochs(1)
    continued = DataLoader(list(range(30)), 7, shuffle=True)
    continued.epoch = 1
    assert np.concatenate(list(continued)).tolist() == epochs(0)[1]
    plain = DataLoader(list(range(5)), 2)
    assert [b.tolist() for b in plain] == [b.tolist() for b in plain] == [[0, 1], [2, 3], [4]]


def test_two_readings_at_once_do_not_disturb_each_other():
    loader = DataLoader(list(range(4)), 2)
    first, second = iter(loader), iter(loader)
    assert [next(first).tolist(), next(second).tolist(), next(first).tolist()] == [[0, 1], [0, 1], [2, 3]]


def test_random_transforms_follow_the_loaders_seed_whatever_was_drawn_before():
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 6, 3), dtype=np.uint8)

    def batches(seed, epoch=0):
        flip = RandomHorizontalFlip()
        flip(images[0])
        loader = DataLoader(ArrayDataset(images, transform=lambda image: flip(RandomCrop(4)(image))), 40, seed=seed)
        loader.epoch = epoch
        return next(iter(loader))

    assert np.array_equal(batches(1), batches(1))
    assert not np.array_equal(batches(1), batches(2))
    assert not np.array_equal(batches(1), batches(1, epoch=1))


def test_two_flips_in_one_sample_are_independent():
    left_right = np.arange(2, dtype=np.uint8).reshape(1, 2)
    twice = ArrayDataset(np.stack([left_right] * 200), transform=lambda image: RandomHorizontalFlip()(RandomHorizontalFlip()(image)))
    flipped = next(iter(DataLoader(twice, 200)))[:, 0, 0].sum()
    # Flips that drew the same number would cancel and give 0; independent ones give 100 +- 7 (binomial, p = 1/2).
    assert 60 < flipped < 140


def test_datasets_without_a_length_are_read_to_their_end():
    batches = list(DataLoader(ByNumber(), 2))
    assert [labels.tolist() for _, labels in batches] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Stream(5), 2, last_batch="discard")] == [[0, 1], [2, 3]]
    loader = DataLoader(Stream(5), 2)
    assert [list(map(np.ndarray.tolist, loader)) for _ in range(2)] == [[[0, 1], [2, 3], [4]]] * 2
    assert bool(loader)
    with pytest.raises(TypeError, match="number of batches is not known"):
        len(loader)


def test_a_custom_collate_gets_the_items_as_a_list():
    assert list(DataLoader([1, 2, 3], 2, collate=list)) == [[1, 2], [3]]
    assert list(DataLoader(ArrayDataset([1, 2, 3]), 2, collate=sum)) == [3, 3]


def test_an_error_in_an_item_names_the_item():
    class Broken(list):
        def __getitem__(self, index):
            return 1 // (index - 2)

    with pytest.raises(ZeroDivisionError) as caught:
        list(DataLoader(Broken(range(4)), 2))
    assert caught.value.__notes__ == ["while reading item 2 of Broken"]


@pytest.mark.parametrize(
    ("dataset", "options", "kind", "message"),
    [
        ([1], {"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ([1], {"batch_size": True}, TypeError, "batch_size must be an integer"),
        ([1], {"last_batch": "drop"}, ValueError, r"Unknown last_batch 'drop'(?s:.*)one of discard, rollover"),
        ([1], {"collate": 3}, TypeError, "collate must be callable"),
        ([1], {"seed": -1}, ValueError, "seed must be at least 0"),
        ([1], {"batch_size": 2, "last_batch": "discard"}, ValueError, "gives no batch of 2"),
        ([], {}, ValueError, "The dataset is empty"),
        (Stream(3), {"shuffle": True}, TypeError, "Stream cannot be shuffled"),
        (iter([1]), {}, TypeError, "can be read only once"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(dataset, options, kind, message):
    with pytest.raises(kind, match=message):
        DataLoader(dataset, **options)


def test_a_stream_that_gives_nothing_is_an_error_not_silence():
    with pytest.raises(ValueError, match="gives no batch of 1"):
        list(DataLoader(Stream(0)))
