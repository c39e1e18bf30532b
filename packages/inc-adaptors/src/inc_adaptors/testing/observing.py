# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Observes``."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from inc_config.errors import DataError
from inc_config.plan import TensorKey

from inc_adaptors.batches import leaves, to_numpy
from inc_adaptors.roles import Observes
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.testing.case import Case, assert_same

Wanted = Mapping[TensorKey, frozenset[StatisticSpec]]

SPECS = frozenset({StatisticSpec("range"), StatisticSpec("histogram")})


class ObservesConformance:
    """One streaming pass over the data."""

    @pytest.fixture
    def wanted(self, case: Case) -> Wanted:
        """Range and histogram of the first input of every operator that has integers."""
        ops = case.capabilities(case.open()).quantizable
        return {TensorKey(op.op, "input:0"): SPECS for op in ops}

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, Observes)

    def test_what_is_wanted_is_gathered_and_nothing_else(self, case: Case, wanted: Wanted) -> None:
        """Every tensor with every statistic."""
        got = case.adaptor.observe(case.open(), case.batches, wanted)
        assert {key: frozenset(values) for key, values in got.values.items()} == dict(wanted)
        assert all(isinstance(statistic, Statistic) for values in got.values.values() for statistic in values.values())
        assert got.samples == case.samples

    def test_a_source_that_can_be_read_once_is_enough(self, case: Case, wanted: Wanted) -> None:
        """Each batch is asked for once; progress counts the samples to the end."""
        seen: list[int] = []
        got = case.adaptor.observe(case.open(), iter(case.batches), wanted, progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == case.samples
        _assert_equal(got, case.adaptor.observe(case.open(), case.batches, wanted))

    def test_batches_are_let_go(self, case: Case, wanted: Wanted) -> None:
        """When a batch is asked for, the one before the last is gone: memory does not grow with the data."""
        alive: list[weakref.ref[Any]] = []

        def source() -> Iterator[Any]:
            for batch in case.batches * 2:
                gc.collect()
                assert sum(reference() is not None for reference in alive[:-1]) == 0
                fresh = _rebuilt(batch, lambda array: case.to_native(array.copy()))
                alive.append(weakref.ref(next(leaf for _, leaf in leaves(fresh))))
                yield fresh
                del fresh

        case.adaptor.observe(case.open(), source(), wanted)
        gc.collect()
        assert [reference for reference in alive if reference() is not None] == []

    def test_merged_halves_equal_one_pass(self, case: Case, wanted: Wanted) -> None:
        """Bit for bit, in both orders."""
        handle = case.open()
        middle = len(case.batches) // 2
        whole = case.adaptor.observe(handle, case.batches, wanted)
        first = case.adaptor.observe(handle, case.batches[:middle], wanted)
        second = case.adaptor.observe(handle, case.batches[middle:], wanted)
        for key, specs in wanted.items():
            for spec in specs:
                expected = whole.values[key][spec].to_arrays()
                _assert_arrays(first.values[key][spec].merge(second.values[key][spec]).to_arrays(), expected)
                _assert_arrays(second.values[key][spec].merge(first.values[key][spec]).to_arrays(), expected)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_non_finite_input_is_refused_with_its_batch(self, case: Case, wanted: Wanted, value: float) -> None:
        """In the user's data it is an error."""
        spoilt = _rebuilt(case.batches[2], lambda array: case.to_native(_spoilt(array, value)))
        with pytest.raises(DataError, match="batch 2"):
            case.adaptor.observe(case.open(), (*case.batches[:2], spoilt), wanted)

    def test_no_data_is_refused(self, case: Case, wanted: Wanted) -> None:
        """Statistics of nothing would give a model of nothing."""
        with pytest.raises(DataError):
            case.adaptor.observe(case.open(), iter(()), wanted)

    def test_statistics_carry_the_fingerprints_of_model_and_data(self, case: Case, wanted: Wanted) -> None:
        """Equal for equal data, other for other data and other weights."""
        handle = case.open()
        got = case.adaptor.observe(handle, case.batches, wanted)
        assert got.model_fingerprint == case.adaptor.fingerprint(handle)
        assert got.data_fingerprint == case.adaptor.observe(handle, case.batches, wanted).data_fingerprint != ""
        assert got.data_fingerprint != case.adaptor.observe(handle, case.batches[1:], wanted).data_fingerprint
        assert got.model_fingerprint != case.adaptor.observe(case.open(1), case.batches, wanted).model_fingerprint

    def test_observing_leaves_the_model_bit_identical(self, case: Case, wanted: Wanted) -> None:
        """Also after a pass that was broken off."""
        handle = case.open()
        before, outputs = case.adaptor.fingerprint(handle), case.outputs(handle)
        case.adaptor.observe(handle, case.batches, wanted)
        with pytest.raises(DataError):
            case.adaptor.observe(handle, iter(()), wanted)
        assert case.adaptor.fingerprint(handle) == before
        assert_same(case.outputs(handle), outputs)


def _rebuilt(batch: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(batch, Mapping):
        return {key: _rebuilt(value, change) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        return tuple(_rebuilt(value, change) for value in batch)
    return change(to_numpy(batch))


def _spoilt(array: Any, value: float) -> Any:
    if array.dtype.kind != "f":
        return array
    array = array.copy()
    array.flat[-1] = value
    return array


def _assert_equal(left: Statistics, right: Statistics) -> None:
    assert left.data_fingerprint == right.data_fingerprint
    for key, values in right.values.items():
        for spec, statistic in values.items():
            _assert_arrays(left.values[key][spec].to_arrays(), statistic.to_arrays())


def _assert_arrays(left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    assert left.keys() == right.keys()
    for name, array in right.items():
        assert np.array_equal(left[name], array), name
