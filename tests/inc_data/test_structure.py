from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import collate
from inc_data.structure import leaves, map_leaves
from PIL import Image


class Boxes(NamedTuple):
    corners: np.ndarray
    count: int


def test_nested_tuples_dicts_and_named_tuples_are_collated_part_by_part():
    samples = [({"ids": np.array([i, i]), "pair": (np.float32(i), [i])}, Boxes(np.zeros((1, 4)), i)) for i in range(3)]
    inputs, boxes = collate(samples)
    assert inputs["ids"].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert inputs["pair"][0].dtype == np.float32
    assert inputs["pair"][1][0].tolist() == [0, 1, 2]
    assert isinstance(boxes, Boxes)
    assert boxes.corners.shape == (3, 1, 4)
    assert boxes.count.tolist() == [0, 1, 2]


@given(
    st.recursive(
        st.just(()), lambda inner: st.tuples(inner, inner) | st.dictionaries(st.sampled_from("ab"), inner, min_size=1), max_leaves=6
    )
)
def test_collating_undoes_taking_rows_of_any_structure(shape):
    array = np.arange(6).reshape(3, 2)
    tree = map_leaves(lambda _: array, (shape, array))
    rows = [map_leaves(lambda a, i=i: a[i], tree) for i in range(3)]
    rebuilt = collate(rows)
    assert [path for path, _ in leaves(rebuilt, "x")] == [path for path, _ in leaves(tree, "x")]
    assert all(np.array_equal(leaf, array) for _, leaf in leaves(rebuilt, "x"))


def test_numbers_text_none_and_pillow_images_have_their_own_form():
    assert collate([1, 2]).dtype.kind == "i"
    assert collate([True, False]).dtype == np.bool_
    assert collate(["a", "b"]) == ["a", "b"]
    assert collate([None, None]) is None
    assert collate([Image.new("RGB", (4, 2))] * 3).shape == (3, 2, 4, 3)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([(np.zeros((2, 2)), 0), (np.zeros((2, 3)), 1)], r"shape: \(2, 2\) and \(2, 3\)(?s:.*)item\[0\], items 0 and 1"),
        ([np.zeros(1, np.float32), np.zeros(1, np.float64)], "dtype: float32 and float64"),
        ([{"a": 1}, {"b": 1}], r"keys: \['a'\] and \['b'\]"),
        ([(1, 2), (1, 2, 3)], "length: 2 and 3"),
        ([(1, 2), 3], "length: 2 and int"),
        ([None, 1], "type: NoneType and int"),
    ],
)
def test_items_that_do_not_fit_together_are_an_error_that_shows_both(samples, message):
    with pytest.raises(ValueError, match=message):
        collate(samples)


def test_what_numpy_cannot_stack_is_refused():
    with pytest.raises(TypeError, match="object cannot be batched"):
        collate([object(), object()])
