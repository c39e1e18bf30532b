import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_config.errors import CalibrationError

law = settings(deadline=None, max_examples=200)
SPECIAL = [float(np.float32(v)) for v in (0.0, -0.0, 1e30, -1e30, 2e30, -3.4e38, 1e-45, -1e-45, 2.0**-126)]
FLOATS = st.floats(width=32) | st.floats(-8.0, 8.0, width=32) | st.sampled_from(SPECIAL)
PARTS = st.lists(hnp.arrays(np.float32, st.integers(0, 60), elements=FLOATS), min_size=1, max_size=6)


def gathered(*parts: np.ndarray, bins: int = 2048) -> HistogramStatistic:
    statistic = HistogramStatistic(bins=bins)
    for part in parts:
        statistic.update(part)
    return statistic


def content(statistic: HistogramStatistic) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in statistic.to_arrays().items()}


@law
@given(PARTS, st.randoms(), st.sampled_from([2, 30, 2048]))
def test_merging_in_any_order_and_grouping_is_bit_identical_to_one_pass(parts: list[np.ndarray], random: object, bins: int) -> None:
    whole = content(gathered(np.concatenate(parts), bins=bins))
    pieces = [gathered(part, bins=bins) for part in parts]
    while len(pieces) > 1:
        first = pieces.pop(random.randrange(len(pieces)))
        second = pieces.pop(random.randrange(len(pieces)))
        pieces.append(first.merge(second))
    assert content(pieces[0]) == whole
    assert content(gathered(*random.sample(parts, len(parts)), bins=bins)) == whole


@law
@given(PARTS)
def test_a_merge_leaves_both_parts_as_they_were_and_can_go_on(parts: list[np.ndarray]) -> None:
    one, other = gathered(parts[0]), gathered(*parts[1:])
    before = content(one), content(other)
    merged = one.merge(other)
    merged.update(parts[0])
    assert (content(one), content(other)) == before
    assert content(merged) == content(gathered(*parts, parts[0]))


@law
@given(PARTS)
def test_arrays_bring_it_back(parts: list[np.ndarray]) -> None:
    original = gathered(*parts)
    copy = HistogramStatistic.from_arrays(original.to_arrays())
    assert content(copy) == content(original)
    copy.update(parts[0])
    original.update(parts[0])
    assert content(copy) == content(original)


@law
@given(PARTS)
def test_every_value_is_counted_once_somewhere(parts: list[np.ndarray]) -> None:
    statistic = gathered(*parts)
    values = np.concatenate(parts)
    assert statistic.count == values.size
    assert statistic.non_finite == np.count_nonzero(~np.isfinite(values))
    assert statistic.counts.sum() == statistic.count - statistic.non_finite - statistic.masked
    assert (statistic.counts >= 0).all()
    assert 1 <= statistic.counts.size <= 2048


@law
@given(hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_more_than_half_of_the_bins_are_used(values: np.ndarray) -> None:
    statistic = gathered(values)
    reach = max(float(values.max()), 0.0) - min(float(values.min()), 0.0)
    assert statistic.exponent == -126 or statistic.counts.size > 1024
    assert statistic.exponent == -126 or reach / statistic.width > 1022


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e30, -1e30, 1e-45, -1e-45, 2.0**-126, 0.1])
def test_a_single_value_and_a_constant_tensor(value: float) -> None:
    value = float(np.float32(value))
    statistic = gathered(np.full((3, 5), value, np.float32))
    assert (statistic.minimum, statistic.maximum) == (value, value)
    assert statistic.counts.max() == statistic.counts.sum() == 15
    occupied = statistic.first + int(statistic.counts.argmax())
    assert occupied * statistic.width <= value <= (occupied + 1) * statistic.width


def test_masks_and_non_finite_values_do_not_widen_the_range() -> None:
    statistic = gathered(np.array([1.0, -np.inf, np.nan, -3.4e38, 2.0, np.inf], np.float32))
    assert (statistic.minimum, statistic.maximum) == (1.0, 2.0)
    assert (statistic.count, statistic.non_finite, statistic.masked) == (6, 3, 1)


def test_nothing_but_masks_leaves_the_range_empty() -> None:
    statistic = gathered(np.full(4, -3.4e38, np.float32))
    assert statistic.minimum > statistic.maximum
    assert statistic.counts.tolist() == [0]


def test_any_memory_layout_and_type_gives_the_same_histogram() -> None:
    values = np.random.default_rng(0).standard_normal((4, 6, 8), dtype=np.float32)
    expected = content(gathered(values))
    assert content(gathered(values.transpose(2, 0, 1))) == expected
    assert content(gathered(np.asfortranarray(values))) == expected
    assert content(gathered(np.repeat(values, 2, axis=1)[:, ::2])) == expected
    assert content(gathered(values.astype(np.float64))) == expected


@pytest.mark.parametrize("bins", [0, 1, 7, -2, 1 << 21])
def test_a_number_of_bins_it_cannot_have_is_refused(bins: int) -> None:
    with pytest.raises(CalibrationError, match=f"cannot have {bins} bins"):
        HistogramStatistic(bins=bins)


def test_histograms_of_different_sizes_do_not_merge() -> None:
    with pytest.raises(CalibrationError, match="64 and 32 bins"):
        HistogramStatistic(bins=64).merge(HistogramStatistic(bins=32))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("range", np.array([-np.inf, 2.0], np.float32)),
        ("range", np.array([2.0, 1.0], np.float32)),
        ("range", np.array([0.0, 4.0], np.float32)),
        ("range", np.array([np.nan, 4.0], np.float32)),
        ("range", np.zeros(2)),
        ("grid", np.array([2048, -11], np.int64)),
        ("grid", np.array([2047, -10], np.int64)),
        ("seen", np.array([-1, 0, 0], np.int64)),
        ("seen", np.array([4, 0, 0], np.int64)),
        ("counts", np.array([1, 2], np.int64)),
        ("counts", None),
    ],
)
def test_arrays_it_cannot_have_written_are_refused(name: str, array: np.ndarray | None) -> None:
    arrays = {**gathered(np.array([0.0, 1.0, 1.5], np.float32)).to_arrays(), name: array}
    with pytest.raises(CalibrationError, match=r"Stored|cannot have"):
        HistogramStatistic.from_arrays({name: value for name, value in arrays.items() if value is not None})


def test_negative_counts_that_add_up_are_refused() -> None:
    arrays = dict(gathered(np.array([0.0, 1.0, 1.5], np.float32)).to_arrays())
    arrays["counts"] = arrays["counts"].copy()
    arrays["counts"][:2] += (2, -2)
    with pytest.raises(CalibrationError, match="do not add up"):
        HistogramStatistic.from_arrays(arrays)
