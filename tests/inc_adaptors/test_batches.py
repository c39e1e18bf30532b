"""Inputs, targets and sources of batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_adaptors.batches import (
    as_batches,
    batch_size,
    bind,
    check_reiterable,
    checked,
    fingerprint,
    limited,
    split,
    take,
    to_numpy,
)
from inc_adaptors.handle import Signature, TensorSpec
from inc_config.errors import DataError

X, X2, Y = np.zeros((4, 3), np.float32), np.ones((4, 2), np.float32), np.arange(4)


@pytest.mark.parametrize(
    ("batch", "inputs", "names"),
    [
        (X, None, None),
        (X, 1, None),
        ((X,), None, None),
        ([X], 1, None),
        ({"x": X}, None, ("x",)),
        ({"x": X, "junk": X2}, ("x",), ("x",)),
    ],
)
def test_batches_without_targets(batch: Any, inputs: Any, names: Any) -> None:
    given_inputs, targets = split(batch, inputs)
    assert targets is None
    assert given_inputs is X if names is None else tuple(given_inputs) == names


@pytest.mark.parametrize(
    ("batch", "inputs"),
    [((X, Y), None), ([X, Y], 1), ((X, Y), ("x",)), ({"x": X, "label": Y}, None), ({"x": X, "targets": Y}, ("x",)), ([(X,), Y], None)],
)
def test_batches_with_targets(batch: Any, inputs: Any) -> None:
    made, targets = split(batch, inputs)
    assert (made["x"] if isinstance(made, dict) else made) is X
    assert targets is Y


@pytest.mark.parametrize("inputs", [2, ("a", "b")])
@pytest.mark.parametrize(("batch", "has_target"), [((X, X2), False), ((X, X2, Y), True), (((X, X2), Y), True), (([X, X2],), False)])
def test_models_of_two_inputs_take_two_or_three_arrays(inputs: Any, batch: Any, has_target: bool) -> None:
    made, targets = split(batch, inputs)
    assert made[0] is X
    assert made[1] is X2
    assert (targets is Y) == has_target


@pytest.mark.parametrize("batch", [((X, X2), Y), [[X, X2], Y]])
def test_nested_inputs_need_no_number(batch: Any) -> None:
    made, targets = split(batch, None)
    assert made[0] is X
    assert made[1] is X2
    assert targets is Y


def test_a_dict_may_hold_optional_inputs_where_only_a_number_is_known() -> None:
    made, targets = split({"a": X, "b": X2, "mask": X, "label": Y}, 2)
    assert tuple(made) == ("a", "b", "mask")
    assert targets is Y


def test_a_dict_comes_out_in_the_models_order_and_a_target_that_is_an_input_stays() -> None:
    made, targets = split({"label": Y, "b": X2, "a": X}, ("a", "b", "label"))
    assert tuple(made) == ("a", "b", "label")
    assert targets is None
    made, targets = split(({"a": X}, Y), ("a",))
    assert made["a"] is X
    assert targets is Y


@pytest.mark.parametrize(
    ("batch", "inputs", "shown"),
    [
        ((X, X2, Y), None, "does not say"),
        ((X, X2, Y, Y), 2, "2 inputs"),
        (X, 2, "2 inputs"),
        ({"c": X}, ("a",), "inputs: a"),
        ({"a": X, "label": Y}, 2, "2 inputs"),
        (({"a": X, "label": Y}, Y), ("a",), "inputs: a"),
    ],
)
def test_a_batch_that_does_not_fit_shows_both_sides(batch: Any, inputs: Any, shown: str) -> None:
    with pytest.raises(DataError, match=r"float32\[4, 3\]") as caught:
        split(batch, inputs)
    assert shown in caught.value.what


def test_two_targets_and_no_arrays_are_refused() -> None:
    with pytest.raises(DataError, match="several targets: label, target"):
        split({"x": X, "label": Y, "target": Y}, None)
    with pytest.raises(DataError, match="NoneType"):
        split(None)


def test_torch_tensors_become_numpy_also_from_bfloat16_with_gradients() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an extra of inc-adaptors")
    tensor = torch.tensor([1.5, -2.0], dtype=torch.bfloat16, requires_grad=True)
    assert to_numpy(tensor).tolist() == [1.5, -2.0]
    assert to_numpy([[1, 2], [3, 4]]).shape == (2, 2)
    for value in ("text", [[1], [1, 2]], None):
        with pytest.raises(DataError):
            to_numpy(value)


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6), samples=st.integers(0, 30))
def test_limited_gives_exactly_the_first_samples_and_reads_no_further(sizes: list[int], samples: int) -> None:
    starts = np.cumsum([0, *sizes])
    read = []

    def source() -> Iterator[Any]:
        for start, size in zip(starts, sizes, strict=False):
            read.append(size)
            yield np.arange(start, start + size), {"y": list(range(size))}

    got = list(limited(source(), samples))
    rows = np.concatenate([batch[0] for batch in got]) if got else np.empty(0)
    assert rows.tolist() == list(range(min(samples, sum(sizes))))
    assert all(len(batch[1]["y"]) == len(batch[0]) for batch in got)
    assert sum(read[:-1]) < samples or not read


def test_take_keeps_what_has_no_batch_axis() -> None:
    cut = take((X, {"scale": np.float32(2.0), "y": Y}), 2)
    assert cut[0].shape == (2, 3)
    assert cut[1]["scale"] == 2.0
    assert cut[1]["y"].tolist() == [0, 1]


class OnlyGetItem:
    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index >= 5:
            raise IndexError(index)
        return np.full(3, index, np.float32), index


class Reader:
    """Shaped like onnxruntime's CalibrationDataReader, which is its own iterator."""

    def __init__(self) -> None:
        self.left = 3

    def get_next(self) -> dict[str, Any] | None:
        self.left -= 1
        return {"x": X} if self.left >= 0 else None

    def __iter__(self) -> Reader:
        return self

    def __next__(self) -> Any:
        raise AssertionError("get_next is the reader's contract")


class RewindingReader(Reader):
    def rewind(self) -> None:
        self.left = 3


class Nncf:
    def get_inference_data(self, indices: Any = None) -> Iterator[Any]:
        return iter([X, X2])


class TfData:
    def as_numpy_iterator(self) -> Iterator[Any]:
        return iter([(X, Y), (X, Y)])


class HuggingFace:
    features = ("x", "label")

    def with_format(self, kind: str) -> HuggingFace:
        assert kind == "numpy"
        return self

    def iter(self, batch_size: int) -> Iterator[Any]:
        for start in range(0, 4, batch_size):
            yield {"x": X[start : start + batch_size], "label": Y[start : start + batch_size]}

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("iterating gives samples, not batches")


@pytest.mark.parametrize(
    ("source", "sizes"),
    [
        (OnlyGetItem(), [2, 2, 1]),
        (RewindingReader(), [4, 4, 4]),
        (Nncf(), [4, 4]),
        (TfData(), [4, 4]),
        (HuggingFace(), [2, 2]),
        (np.zeros((5, 3)), [2, 2, 1]),
        ({"x": X, "label": Y}, [2, 2]),
        ([X, X2], [4, 4]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_source_is_read_by_its_shape_and_twice(source: Any, sizes: list[int]) -> None:
    batches = as_batches(source, batch_size=2)
    check_reiterable(batches)
    for _ in range(2):
        assert [batch_size(batch) for batch in batches] == sizes


def test_the_samples_of_a_dataset_are_stacked() -> None:
    x, y = next(iter(as_batches(OnlyGetItem(), batch_size=3)))
    assert x.tolist() == [[0.0] * 3, [1.0] * 3, [2.0] * 3]
    assert y.tolist() == [0, 1, 2]


def test_a_torch_dataset_and_loader_are_read() -> None:
    data = pytest.importorskip("torch.utils.data", reason="PyTorch is an extra of inc-adaptors")
    import torch

    dataset = data.TensorDataset(torch.arange(5.0).reshape(5, 1), torch.arange(5))
    assert [batch_size(batch) for batch in as_batches(dataset, batch_size=2)] == [2, 2, 1]
    assert [batch_size(batch) for batch in as_batches(data.DataLoader(dataset, batch_size=4))] == [4, 1]


def test_the_samples_of_a_torch_iterable_dataset_are_stacked() -> None:
    data = pytest.importorskip("torch.utils.data", reason="PyTorch is an extra of inc-adaptors")

    class Stream(data.IterableDataset):  # type: ignore[name-defined,misc]  # imported at run time
        def __iter__(self) -> Iterator[Any]:
            return ((X[index], int(Y[index])) for index in range(4))

    for _ in range(2):
        batches = list(as_batches(Stream(), batch_size=3))
        assert [batch[0].shape for batch in batches] == [(3, 3), (1, 3)]
        assert batches[1][1].tolist() == [3]


def test_inputs_and_targets_given_as_two_arrays_are_not_read_as_two_batches() -> None:
    for pair in ((X, Y), [X, Y]):
        with pytest.raises(DataError, match="could be two batches"):
            as_batches(pair)
    assert [batch_size(batch) for batch in as_batches((X, X2))] == [4, 4]


def test_onnxruntimes_own_reader_class_is_read() -> None:
    quantization = pytest.importorskip("onnxruntime.quantization", reason="ONNX Runtime is an extra of inc-adaptors")

    class Own(quantization.CalibrationDataReader):  # type: ignore[name-defined,misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self.items = iter([{"x": X}, {"x": X}])

        def get_next(self) -> Any:
            return next(self.items, None)

    assert len(list(as_batches(Own()))) == 2


@pytest.mark.parametrize("data", ["val/", 3, None, {}, np.float32(1.0)])
def test_what_is_no_source_is_refused(data: Any) -> None:
    with pytest.raises(DataError, match=type(data).__name__):
        as_batches(data)


def test_samples_of_different_shapes_cannot_be_stacked() -> None:
    class Ragged:
        def __getitem__(self, index: int) -> Any:
            return np.zeros(index + 1) if index < 3 else [][index]

    with pytest.raises(DataError, match="differ in shape"):
        list(as_batches(Ragged()))
    with pytest.raises(DataError, match="differ in length"):
        as_batches({"a": X, "b": Y[:2]})


def test_data_for_one_pass_is_refused_where_several_are_needed() -> None:
    for once in ((batch for batch in [X]), map(len, [X]), as_batches(Reader())):
        with pytest.raises(DataError, match="only once"):
            check_reiterable(once)
    with pytest.raises(DataError, match="cannot be iterated"):
        check_reiterable(7)
    check_reiterable([X])
    check_reiterable(OnlyGetItem())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_input_is_named_with_its_batch(value: float) -> None:
    bad = X.copy()
    bad[2, 1] = value
    with pytest.raises(DataError, match=r"'mask' has 1 non-finite .* batch 1"):
        list(checked([{"x": X, "mask": X}, {"x": X, "mask": bad}]))


def test_empty_data_is_refused() -> None:
    with pytest.raises(DataError, match="not a single batch"):
        list(checked([]))
    with pytest.raises(DataError, match="Batch 1 is empty"):
        list(checked([X, X[:0]]))
    with pytest.raises(DataError, match="no array with a batch axis"):
        list(checked([np.float32(1.0)]))


SIGNATURE = Signature(inputs=(TensorSpec(name="a", shape=(None, 3)), TensorSpec(name="ids", shape=(None, 2), dtype="int32")))


def test_bind_names_orders_and_converts_without_loss() -> None:
    ids = np.array([[1, 2]])
    bound = bind({"ids": ids, "a": np.ones((1, 3))}, SIGNATURE)
    assert tuple(bound) == ("a", "ids")
    assert bound["a"].dtype == np.float32
    assert bound["ids"].dtype == np.int32
    assert bind((np.ones((1, 3)), ids), SIGNATURE)["ids"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ((np.ones((1, 3)),), "number of inputs"),
        ({"a": np.ones((1, 3)), "b": Y}, "names"),
        ((np.ones((1, 4)), np.ones((1, 2), int)), "shape of 'a'"),
        ((np.ones(3), np.ones((1, 2), int)), "shape of 'a'"),
        ((np.ones((1, 3), np.uint8), np.ones((1, 2), int)), "type of 'a'"),
        ((np.ones((1, 3)), np.full((1, 2), 2**40)), "do not fit int32"),
    ],
)
def test_bind_shows_both_sides_of_a_misfit(inputs: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        bind(inputs, SIGNATURE)
    assert "a: float32[?, 3], ids: int32[?, 2]" in caught.value.what


@given(cuts=st.lists(st.integers(1, 9), max_size=4), seed=st.integers(0, 100))
def test_a_fingerprint_depends_on_content_and_not_on_batch_size(cuts: list[int], seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(10, 3)).astype(np.float32)
    y = np.arange(10)
    edges = [0, *sorted(set(cuts)), 10]
    parts = [(x[a:b], {"y": y[a:b]}) for a, b in itertools.pairwise(edges)]
    whole = fingerprint([(x, {"y": y})])
    assert fingerprint(parts) == whole
    changed = x.copy()
    changed[7, 1] = np.nextafter(changed[7, 1], np.float32(np.inf))
    assert fingerprint([(changed, {"y": y})]) != whole
    assert fingerprint([(x, {"z": y})]) != whole
    assert fingerprint([(x.astype(np.float64), {"y": y})]) != whole
    assert fingerprint([(x.reshape(10, 3, 1), {"y": y})]) != whole
