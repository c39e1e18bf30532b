import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.statistics.ranges import ChannelRangeStatistic, RangeStatistic
from inc_config.errors import CalibrationError

law = settings(deadline=None, max_examples=100)
FLOATS = st.floats(width=32) | st.floats(-8.0, 8.0, width=32)
PARTS = st.lists(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(3), st.integers(0, 20)), elements=FLOATS), min_size=1, max_size=5
)
STATISTICS = [RangeStatistic, lambda: ChannelRangeStatistic(axis=1)]


def content(statistic: RangeStatistic | ChannelRangeStatistic) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in statistic.to_arrays().items()}


@pytest.mark.parametrize("make", STATISTICS)
@law
@given(parts=PARTS, random=st.randoms())
def test_merging_in_any_order_is_bit_identical_to_one_pass(make: object, parts: list[np.ndarray], random: object) -> None:
    whole = make()
    for part in parts:
        whole.update(part)
    merged = make()
    for part in random.sample(parts, len(parts)):
        single = make()
        single.update(part)
        merged = single.merge(merged)
    assert content(merged) == content(whole)


@pytest.mark.parametrize("make", STATISTICS)
@law
@given(parts=PARTS)
def test_arrays_bring_it_back(make: object, parts: list[np.ndarray]) -> None:
    original = make()
    for part in parts:
        original.update(part)
    assert content(type(original).from_arrays(original.to_arrays())) == content(original)


@law
@given(hnp.arrays(np.float32, (4, 3, 5), elements=st.floats(-8.0, 8.0, width=32)), st.integers(-3, 2))
def test_each_channel_has_the_range_of_its_own_tensor(values: np.ndarray, axis: int) -> None:
    statistic = ChannelRangeStatistic(axis=axis)
    statistic.update(values)
    for channel in range(values.shape[axis]):
        alone = RangeStatistic()
        alone.update(np.take(values, channel, axis))
        assert (statistic.minimum[channel], statistic.maximum[channel]) == (alone.minimum, alone.maximum)


def test_what_is_no_ordinary_number_is_counted_and_left_out() -> None:
    values = np.array([[1.0, np.nan, -3.4e38], [np.inf, 2.0, 4.0]], np.float32)
    whole, rows = RangeStatistic(), ChannelRangeStatistic(axis=0)
    for statistic in (whole, rows):
        statistic.update(values)
        assert (statistic.count, statistic.non_finite, statistic.masked) == (6, 2, 1)
    assert (whole.minimum, whole.maximum) == (1.0, 4.0)
    assert rows.minimum.tolist() == [1.0, 2.0]
    assert rows.maximum.tolist() == [1.0, 4.0]


def test_a_float64_beyond_float32_counts_as_infinite() -> None:
    statistic = RangeStatistic()
    statistic.update(np.array([1.0, 1e300]))
    assert (statistic.maximum, statistic.non_finite) == (1.0, 1)


def test_a_changing_number_of_channels_and_a_missing_axis_are_refused() -> None:
    statistic = ChannelRangeStatistic(axis=1)
    statistic.update(np.zeros((2, 3), np.float32))
    with pytest.raises(CalibrationError, match="4 channels along axis 1 after 3"):
        statistic.update(np.zeros((2, 4), np.float32))
    with pytest.raises(CalibrationError, match="no axis 1"):
        statistic.update(np.zeros(3, np.float32))
    with pytest.raises(CalibrationError, match="axis 1 and axis 0"):
        statistic.merge(ChannelRangeStatistic(axis=0))


@pytest.mark.parametrize("bounds", [[2.0, 1.0], [-np.inf, 1.0], [np.inf, np.inf], [0.0, 2e30]])
def test_stored_bounds_that_are_no_range_are_refused(bounds: list[float]) -> None:
    low, high = np.array(bounds, np.float32)
    with pytest.raises(CalibrationError, match="no range"):
        RangeStatistic.from_arrays({"range": np.array([low, high]), "seen": np.zeros(3, np.int64)})
    channel = {"minimum": np.array([low]), "maximum": np.array([high]), "axis": np.array([0]), "seen": np.zeros(3, np.int64)}
    with pytest.raises(CalibrationError, match="no range"):
        ChannelRangeStatistic.from_arrays(channel)
