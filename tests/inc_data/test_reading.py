from __future__ import annotations

import numpy as np
import pytest
from inc_data.reading import checked_dataset, length_of, stream_items


class ByNumber:
    def __init__(self, count):
        self.count = count

    def __getitem__(self, index):
        if index >= self.count:
            raise IndexError(index)
        return index


class Stream:
    """Has an inherited __getitem__ that only raises, as torch's IterableDataset."""

    def __getitem__(self, index):
        raise NotImplementedError

    def __iter__(self):
        return iter("abc")


def test_a_dataset_without_length_is_read_until_indexerror():
    assert list(stream_items(ByNumber(3), seed=0, epoch=0)) == [0, 1, 2]
    assert length_of(ByNumber(3)) == 3


def test_an_iterable_is_preferred_to_numbers_without_a_length():
    assert list(stream_items(Stream(), seed=0, epoch=0)) == ["a", "b", "c"]
    with pytest.raises(TypeError, match="cannot be found by number"):
        length_of(Stream())


def test_an_indexerror_inside_an_iterable_is_not_taken_for_its_end():
    def broken():
        yield 1
        raise IndexError("a bug of the user")

    class Broken:
        def __iter__(self):
            return broken()

    with pytest.raises(IndexError, match="a bug of the user"):
        list(stream_items(Broken(), seed=0, epoch=0))


@pytest.mark.parametrize(
    ("dataset", "kind", "message"),
    [
        ("images/", TypeError, r"Text is no dataset(?s:.*)ImageFolder"),
        ({"x": np.zeros(3)}, TypeError, r"A dict is no dataset(?s:.*)ArrayDataset"),
        (3, TypeError, "int cannot be read as a dataset"),
        ((i for i in range(3)), TypeError, "generator can be read only once"),
        ([], ValueError, "The dataset is empty"),
    ],
)
def test_what_is_no_dataset_is_refused_with_the_way_out(dataset, kind, message):
    with pytest.raises(kind, match=message):
        checked_dataset(dataset, "here")
