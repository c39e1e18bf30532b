from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import ArraySpec, DataLoader, Synthetic, fingerprint


@given(
    dtype=st.sampled_from(["float16", "float32", "float64"]),
    low=st.floats(-100, 100),
    width=st.floats(0.5, 100),
    seed=st.integers(0, 1000),
)
def test_floats_stay_in_their_half_open_range(dtype, low, width, seed):
    values = ArraySpec((50,), dtype, low=low, high=low + width).draw(np.random.default_rng(seed))
    assert values.dtype == dtype
    # low itself may not be a float16: its nearest neighbour is the bound
    assert values.min() >= np.dtype(dtype).type(low)
    assert values.max() < np.dtype(dtype).type(low + width)


@given(dtype=st.sampled_from(["int8", "uint8", "int64", "uint16"]), low=st.integers(0, 100), width=st.integers(1, 27))
def test_integers_stay_in_their_half_open_range(dtype, low, width):
    values = ArraySpec((200,), dtype, low=low, high=low + width).draw(np.random.default_rng(0))
    assert values.dtype == dtype
    assert values.min() >= low
    assert values.max() < low + width


def test_an_integer_range_is_used_whole():
    assert set(ArraySpec((500,), "int64", low=-2, high=2).draw(np.random.default_rng(0)).tolist()) == {-2, -1, 0, 1}
    assert ArraySpec((4000,), "uint8", high=256).draw(np.random.default_rng(0)).max() == 255
    assert set(ArraySpec((50,), "bool").draw(np.random.default_rng(0)).tolist()) == {False, True}


def test_items_depend_on_the_seed_and_their_number_only():
    spec = {"ids": ArraySpec((8,), "int64", high=30522), "mask": {"shape": [8], "dtype": "bool"}}
    dataset = Synthetic(spec, ArraySpec((), "int64", high=2), samples=5, seed=3)
    inputs, label = dataset[4]
    assert inputs["mask"].dtype == np.bool_
    assert label.shape == ()
    again = Synthetic(spec, ArraySpec((), "int64", high=2), samples=9, seed=3)
    assert np.array_equal(again[4][0]["ids"], inputs["ids"])
    assert np.array_equal(dataset[-1][0]["ids"], inputs["ids"])
    assert not np.array_equal(dataset[3][0]["ids"], inputs["ids"])
    assert fingerprint(dataset) != fingerprint(Synthetic(spec, ArraySpec((), "int64", high=2), samples=5, seed=4))
    assert len(list(dataset)) == 5


def test_specs_may_be_data_and_an_input_may_be_called_shape():
    dataset = Synthetic([{"shape": [2, 3]}, {"shape": {"shape": [4]}}], samples=2)
    first, second = next(iter(DataLoader(dataset, 2)))
    assert first.shape == (2, 2, 3)
    assert second["shape"].shape == (2, 4)


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ({"shape": [2], "dtype": "int64"}, ValueError, r"0\.0 to None is no range of int64(?s:.*)whole numbers"),
        ({"shape": [2], "dtype": "int8", "high": 129}, ValueError, "no range of int8"),
        ({"shape": [2], "dtype": "uint8", "low": -1, "high": 3}, ValueError, "no range of uint8"),
        ({"shape": [2], "dtype": "int8", "high": 2.5}, ValueError, "no range of int8"),
        ({"shape": [2], "low": 1.0}, ValueError, "no range of float32"),
        ({"shape": [2], "high": float("inf")}, ValueError, "high must be finite"),
        ({"shape": [2], "low": "a"}, TypeError, "low must be a number"),
        ({"shape": [0]}, ValueError, "shape must be at least 1"),
        ({"shape": [2], "dtype": "float23"}, ValueError, "Unknown dtype 'float23'"),
        ({"shape": [2], "dtype": "str"}, ValueError, "Unknown dtype 'str'"),
        ({"shape": [2], "max": 3}, TypeError, "Unknown key 'max' in a spec"),
        ({}, TypeError, "no spec of an array"),
        (5, TypeError, "5 is no spec of an array"),
    ],
)
def test_specs_that_cannot_be_are_refused(spec, kind, message):
    with pytest.raises(kind, match=message):
        Synthetic(spec)


def test_a_shape_is_a_sequence_and_samples_are_positive():
    with pytest.raises(TypeError, match="shape must be a sequence of integers, got 3"):
        ArraySpec(3)
    with pytest.raises(ValueError, match="samples must be at least 1"):
        Synthetic(ArraySpec((1,)), samples=0)
    with pytest.raises(IndexError, match="no item 3"):
        Synthetic(ArraySpec((1,)), samples=3)[3]
