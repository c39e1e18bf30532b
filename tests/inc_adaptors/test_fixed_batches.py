"""A model of one batch size takes any batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_adaptors.batches import cut, fixed_size, part, predicting, whole
from inc_adaptors.handle import Signature, TensorSpec
from inc_config.errors import DataError


def signature(*shapes: tuple[int | None, ...]) -> Signature:
    return Signature(inputs=tuple(TensorSpec(name=f"x{place}", dtype="float32", shape=shape) for place, shape in enumerate(shapes)))


@pytest.mark.parametrize(
    ("shapes", "size"),
    [
        ([(8, 3)], 8),
        ([(None, 3)], None),
        ([(8, 3), (8,), ()], 8),
        ([(8, 3), (None,)], None),
        ([(8, 3), (2, 2)], None),
        ([()], None),
        ([], None),
        ([(0, 3)], None),
    ],
)
def test_the_only_size_is_where_all_inputs_agree(shapes: list[tuple[int | None, ...]], size: int | None) -> None:
    assert fixed_size(signature(*shapes)) == size


def batches_of(sizes: list[int]) -> list[Any]:
    rows = iter(np.arange(2 * sum(sizes), dtype=np.float32).reshape(-1, 2))
    made = [np.stack([next(rows) for _ in range(size)]) for size in sizes]
    return [{"x0": batch, "x1": (batch[:, 0], 7)} for batch in made]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(1, 9))
def test_every_sample_comes_in_whole_batches_and_nothing_else(sizes: list[int], size: int) -> None:
    made = list(whole(batches_of(sizes), signature((size, 2))))
    assert {len(batch["x0"]) for batch in made} == {size}
    assert all((batch["x1"][0] == batch["x0"][:, 0]).all() and batch["x1"][1] == 7 for batch in made)
    seen = np.concatenate([batch["x0"] for batch in made])
    assert np.unique(seen[:, 0]).tolist() == [2.0 * row for row in range(sum(sizes))]
    assert len(made) == sum(-(-each // size) for each in sizes)


@given(st.integers(1, 40), st.integers(1, 9))
def test_predictions_are_those_of_each_sample(samples: int, size: int) -> None:
    def predict(inputs: Any) -> tuple[np.ndarray, ...]:
        assert len(inputs["x0"]) == size
        return inputs["x0"] + 1.0, inputs["x0"].max(1)

    batch = {"x0": np.random.default_rng(samples).random((samples, 3), dtype=np.float32)}
    more, largest = predicting(predict, signature((size, 3)))(batch)
    np.testing.assert_array_equal(more, batch["x0"] + 1.0)
    np.testing.assert_array_equal(largest, batch["x0"].max(1))


def test_an_output_without_samples_needs_the_models_own_size() -> None:
    predict = predicting(lambda inputs: (np.float32(inputs.sum()).reshape(()),), signature((4, 2)))
    assert predict(np.ones((4, 2), np.float32))[0] == 8.0
    with pytest.raises(DataError, match="batches of 4 only") as caught:
        predict(np.ones((3, 2), np.float32))
    assert caught.value.fix == "give batches of 4"


def test_batches_of_an_open_size_and_empty_ones_are_left_alone() -> None:
    batches = [np.ones((3, 2), np.float32), np.ones((5, 2), np.float32)]
    assert [len(batch) for batch in whole(batches, signature((None, 2)))] == [3, 5]
    assert [len(batch) for batch in whole([batches[0][:0]], signature((4, 2)))] == [0]

    def predict(inputs: Any) -> tuple[Any, ...]:
        return (inputs,)

    assert predicting(predict, signature((None, 2))) is predict
    assert len(cut(batches[1], 2, signature((None, 2)))) == 2
    assert len(cut(batches[1], 2, signature((5, 2)))) == 5


def test_a_part_keeps_the_structure() -> None:
    batch = ({"a": np.arange(6), "b": ["u", "v", "w", "x", "y", "z"]}, np.float32(3.0))
    made = part(batch, 2, 4)
    assert made[0]["a"].tolist() == [2, 3]
    assert made[0]["b"] == ["w", "x"]
    assert made[1] == 3.0
