from __future__ import annotations

import logging
from itertools import islice

import numpy as np
import pytest
from inc_data import DataLoader, build_dataset


def uniform(*shapes, low=-128.0, high=127.0):
    """1.x's values: one legacy generator, seeded with 9527, draws the arrays in order."""
    generator = np.random.RandomState(9527)
    return [generator.uniform(low, high, shape) for shape in shapes]


def test_dummy_holds_the_values_of_1x():
    (expected,) = uniform((5, 2, 3))
    data = build_dataset("dummy", shape=[5, 2, 3])
    assert len(data) == 5
    assert data[3][1] == 0
    assert np.array_equal(data[3][0], expected[3].astype(np.float32))
    assert np.array_equal(build_dataset("dummy", shape=(5, 2, 3), label=False)[3], expected[3].astype(np.float32))


def test_dummy_with_several_inputs():
    first, second = uniform((4, 2), (4, 3))
    data = build_dataset("dummy", shape=[(4, 2), (4, 3)], dtype=["float32", "int32"], low=[-128.0, -128.0], high=[127.0, 127.0])
    inputs, label = data[1]
    assert np.array_equal(inputs[0], first[1].astype(np.float32))
    assert np.array_equal(inputs[1], np.trunc(second[1]).astype(np.int32))
    assert label == 0
    assert build_dataset("dummy", shape=[(4, 2), (4, 3)], dtype=["int8"])[0][0][1].dtype == np.int8


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int8", "int32", "int64", "bool", "string"])
def test_every_dtype(dtype):
    found = build_dataset("dummy", shape=(3, 4), dtype=dtype)[0][0]
    assert found.dtype.kind == "U" if dtype == "string" else found.dtype == dtype
    if dtype == "uint8":
        assert np.array_equal(found, np.trunc(uniform((3, 4))[0][0]).astype(np.int64) % 256)


def test_dummy_ignores_a_transform_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING, "inc_data"):
        assert build_dataset("dummy", shape=(1, 2), transform=lambda image: None)[0][0].shape == (2,)
    assert "ignores its transform" in caplog.text


def test_dummy_v2_is_endless_and_starts_anew():
    data = build_dataset("dummy_v2", input_shape=(2, 3), label_shape=(1,), dtype=["float32", "int64"])
    first, second = list(islice(data, 3)), list(islice(data, 3))
    inputs, labels, third = uniform((2, 3), (1,), (2, 3))
    assert np.array_equal(first[0][0], inputs.astype(np.float32))
    assert np.array_equal(first[0][1], labels.astype(np.int64))
    assert np.array_equal(first[1][0], third.astype(np.float32))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(first, second, strict=True))
    batch = next(iter(DataLoader(data, 4)))
    assert [part.shape for part in batch] == [(4, 2, 3), (4, 1)]
    several = next(iter(build_dataset("dummy_v2", input_shape=[(2,), (3,)])))
    assert [part.shape for part in several] == [(2,), (3,)]


def test_sparse_dummy_v2_puts_its_values_first_in_row_major_order():
    data = build_dataset("sparse_dummy_v2", dense_shape=(2, 3), label_shape=(1,), sparse_ratio=0.3)
    (indices, values), label = next(iter(data))
    # round(6 * 0.7) = 4 values.
    assert indices.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0]]
    expected, expected_label = uniform((4,), (1,))
    assert np.array_equal(values, expected.astype(np.float32))
    assert np.array_equal(label, expected_label.astype(np.float32))
    pairs = next(iter(build_dataset("sparse_dummy_v2", dense_shape=[(2, 3), (4,)], label_shape=[(1,), (2,)], sparse_ratio=[1.0, 0.0])))
    assert [(len(values), label.shape) for (_, values), label in pairs] == [(0, (1,)), (4, (2,))]


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("dummy", {"shape": [(2, 3), (3, 3)]}, "differ in their first axis"),
        ("dummy", {"shape": 3}, "3 is no shape"),
        ("dummy", {"shape": (2, 3), "dtype": "float31"}, r"did you mean float32\?"),
        ("dummy", {"shape": (2, 3), "low": 1.0, "high": 1.0}, r"low=1\.0 is not below high=1\.0"),
        ("dummy", {"shape": (2, 3), "low": [1.0, 2.0]}, "low has 2 values for 1 arrays"),
        ("sparse_dummy_v2", {"dense_shape": (2, 3), "sparse_ratio": 1.5}, "share of zeros"),
        ("sparse_dummy_v2", {"dense_shape": [(2,), (3,)], "label_shape": (1,)}, "1 label shapes for 2 inputs"),
    ],
)
def test_bad_arguments_are_refused(name, args, message):
    with pytest.raises((ValueError, TypeError), match=message):
        build_dataset(name, **args)
