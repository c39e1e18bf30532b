from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from inc_adaptors.statistics.create import create
from inc_adaptors.statistics.means import ChannelMeanStatistic
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_config.errors import CalibrationError

VALUES = arrays(np.float32, st.tuples(st.integers(1, 5), st.just(3), st.integers(1, 4)), elements=st.floats(-1e4, 1e4, width=32))


def gathered(*parts: np.ndarray) -> ChannelMeanStatistic:
    statistic = ChannelMeanStatistic(axis=1)
    for part in parts:
        statistic.update(part)
    return statistic


@given(first=VALUES, second=VALUES)
def test_merging_in_any_order_is_bit_identical_to_one_pass(first: np.ndarray, second: np.ndarray) -> None:
    whole = gathered(first, second)
    for merged in (gathered(first).merge(gathered(second)), gathered(second).merge(gathered(first))):
        for name, array in whole.to_arrays().items():
            np.testing.assert_array_equal(merged.to_arrays()[name], array)


@given(values=VALUES)
def test_the_mean_is_exact_but_for_the_grid(values: np.ndarray) -> None:
    for channel, mean in enumerate(gathered(values).mean):
        row = values[:, channel].reshape(-1)
        exact = sum((Fraction(float(value)) for value in row), Fraction(0)) / row.size
        assert abs(Fraction(float(mean)) - exact) <= Fraction(1, 2**20)


def test_stored_means_come_back() -> None:
    statistic = gathered(np.arange(12, dtype=np.float32).reshape(2, 3, 2))
    again = ChannelMeanStatistic.from_arrays(statistic.to_arrays())
    np.testing.assert_array_equal(again.mean, statistic.mean)
    assert again.mean.tolist() == [3.5, 5.5, 7.5]
    with pytest.raises(CalibrationError, match="sums"):
        ChannelMeanStatistic.from_arrays({**statistic.to_arrays(), "sums": np.zeros(3, np.float32)})


def test_masks_and_what_is_not_finite_are_left_out_and_counted() -> None:
    values = np.array([[1.0, np.inf, np.nan], [3.0, 5.0, -3.4e38]], np.float32)
    statistic = ChannelMeanStatistic(axis=-1)
    statistic.update(values)
    assert statistic.mean.tolist() == [2.0, 5.0, 0.0]
    assert (statistic.count, statistic.non_finite, statistic.masked) == (6, 2, 1)


def test_it_is_found_by_name() -> None:
    assert isinstance(create(StatisticSpec("channel_mean", {"axis": 1})), ChannelMeanStatistic)


def test_what_does_not_fit_is_refused() -> None:
    statistic = gathered(np.ones((1, 3, 2), np.float32))
    with pytest.raises(CalibrationError, match="4 channels along axis 1 after 3"):
        statistic.update(np.ones((1, 4, 2), np.float32))
    with pytest.raises(CalibrationError, match="no axis 1"):
        statistic.update(np.ones(3, np.float32))
    with pytest.raises(CalibrationError, match="do not merge"):
        statistic.merge(ChannelMeanStatistic(axis=0))
    full = gathered(np.full((1, 3, 2), 8e6, np.float32))
    full.counts += 2**45
    with pytest.raises(CalibrationError, match="overflow"):
        full.update(np.ones((1, 3, 2), np.float32))
