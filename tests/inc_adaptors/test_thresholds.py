import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.kernels.kl import kl_search
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.ranges import ChannelRangeStatistic, RangeStatistic
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.thresholds import find_range, spec_for, statistic_for
from inc_config.dtypes import INT8, UINT8, IntegerType, PerChannel, PerGroup, Scheme
from inc_config.errors import CalibrationError, PlanError
from inc_config.named import Named
from inc_config.plan import OpId, RangeSource, TensorKey, TensorPlan

RNG = np.random.default_rng(3)
SAMPLES = {
    "normal": RNG.standard_normal(200_000),
    "relu": np.maximum(RNG.standard_normal(200_000), 0.0),
    "laplace": RNG.laplace(size=200_000),
    "uniform": RNG.uniform(-1.0, 1.0, 200_000),
    "heavy tail": RNG.standard_t(4, 200_000),
    "lopsided": RNG.gamma(2.0, size=200_000) - 1.0,
    "negative": -RNG.exponential(size=200_000),
}
# A coarsened grid has between 1,025 and 2,048 bins over the range; these factors place the range's end at both sides of a power of two.
FACTORS = (1.0, 1.37, 1.9)
METHODS = ("minmax", "percentile", "kl", "entropy", "mse")


def gathered(values: np.ndarray) -> HistogramStatistic:
    statistic = HistogramStatistic()
    for part in np.array_split(values.astype(np.float32), 7):
        statistic.update(part)
    return statistic


def each() -> list[object]:
    return [pytest.param(values * factor, id=f"{name} x {factor}") for name, values in SAMPLES.items() for factor in FACTORS]


@pytest.mark.parametrize("values", each())
def test_percentiles_from_the_coarsened_grid_are_within_a_bin_of_the_exact_ones(values: np.ndarray) -> None:
    values = values.astype(np.float32)
    histogram = gathered(values)
    assert histogram.width <= (max(values.max(), 0.0) - min(values.min(), 0.0)) / 1023
    low, high = find_range(histogram, Named("percentile", {"percentile": 99.9}), UINT8, Scheme.ASYMMETRIC)
    assert is_percentile(low, values, 0.05, histogram.width)
    assert is_percentile(high, values, 99.95, histogram.width)
    low, high = find_range(histogram, Named("percentile", {"percentile": 99.9}), INT8, Scheme.SYMMETRIC)
    assert is_percentile(max(-low, high), np.abs(values), 99.9, histogram.width)


def is_percentile(found: float, values: np.ndarray, percentile: float, tolerance: float) -> bool:
    """Whether ``found`` lies between the two values that the percentile lies between."""
    low, high = (np.percentile(values, percentile, method=method) for method in ("lower", "higher"))
    return bool(low - tolerance <= found <= high + tolerance)


def squared_error(values: np.ndarray, low: float, high: float) -> float:
    """Mean squared error of quantizing the values themselves to 256 codes over a range widened to zero."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255.0
    zero = np.rint(-low / scale)
    return float(np.mean(((np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale - values) ** 2))


@pytest.mark.parametrize("values", each())
def test_mse_from_the_coarsened_grid_is_nearly_as_good_as_an_exact_search(values: np.ndarray) -> None:
    values = values.astype(np.float32)[:40_000]
    low, high = (float(end) for end in find_range(gathered(values), Named("mse"), UINT8, Scheme.ASYMMETRIC))
    bottom, top = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    # Every pair of thirtieths of both ends, on the values themselves.
    ends = np.arange(3, 31) / 30
    exact = min(squared_error(values, bottom * a, top * b) for a in (ends if bottom else (1.0,)) for b in (ends if top else (1.0,)))
    # The search moves one end at a time, so it may rest a few per cent above the best pair.
    assert squared_error(values, low, high) <= 1.05 * exact


@pytest.mark.parametrize("values", each())
def test_kl_from_the_coarsened_grid_is_near_that_of_the_exact_range(values: np.ndarray) -> None:
    # Near its minimum the divergence is flat and jagged: neighbouring windows differ by per cents, and so do thresholds of equal merit.
    values = values.astype(np.float32)
    limit = np.abs(values).max()
    counts, edges = np.histogram(values, 2048, (-limit, limit))
    best = kl_search(counts, 128)
    exact = edges[min(1024 + best + 1, 2048)]
    low, high = find_range(gathered(values), Named("kl"), INT8, Scheme.SYMMETRIC)
    assert 0.75 <= max(-low, high) / exact <= 1.33


@pytest.mark.parametrize("factor", FACTORS)
def test_kl_keeps_an_even_distribution_whole(factor: float) -> None:
    values = (SAMPLES["uniform"] * factor).astype(np.float32)
    assert find_range(gathered(values), Named("kl"), INT8, Scheme.SYMMETRIC) == (values.min(), values.max())


FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-4.0, 4.0, width=32)


@settings(deadline=None, max_examples=100)
@given(
    hnp.arrays(np.float32, st.integers(1, 80), elements=FINITE),
    st.sampled_from(METHODS),
    st.builds(IntegerType, st.integers(2, 8), signed=st.booleans()),
    st.sampled_from(Scheme),
)
def test_every_method_gives_a_range_within_the_observed_one(values: np.ndarray, method: str, dtype: IntegerType, scheme: Scheme) -> None:
    ordinary = values[np.abs(values) <= np.float32(1e30)]
    histogram = HistogramStatistic()
    histogram.update(values)
    if ordinary.size == 0:
        with pytest.raises(CalibrationError, match="No ordinary value"):
            find_range(histogram, Named(method), dtype, scheme)
        return
    low, high = find_range(histogram, Named(method), dtype, scheme)
    assert ordinary.min() <= low <= high <= ordinary.max()
    assert low.dtype == high.dtype == np.float32
    assert low.shape == high.shape == ()


def test_entropy_is_another_name_for_kl_and_levels_can_be_given() -> None:
    histogram = gathered(SAMPLES["heavy tail"])
    kl = find_range(histogram, Named("kl"), INT8, Scheme.SYMMETRIC)
    assert find_range(histogram, Named("entropy", {"levels": 128}), UINT8, Scheme.ASYMMETRIC) == kl
    assert find_range(histogram, Named("kl", {"levels": 32}), INT8, Scheme.SYMMETRIC)[1] < kl[1]


def test_channels_have_min_max_and_a_channel_without_values_zero() -> None:
    statistic = ChannelRangeStatistic(axis=0)
    statistic.update(np.array([[1.0, 2.0], [np.nan, np.inf], [-1.0, 3.0]], np.float32))
    low, high = find_range(statistic, Named("minmax"), INT8, Scheme.SYMMETRIC)
    assert low.tolist() == [1.0, 0.0, -1.0]
    assert high.tolist() == [2.0, 0.0, 3.0]


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("statistic", [RangeStatistic(), ChannelRangeStatistic(axis=0)])
def test_what_a_statistic_cannot_give_is_said(statistic: Statistic, method: str) -> None:
    statistic.update(np.ones(3, np.float32))
    with pytest.raises(CalibrationError, match=f"cannot be found from a {type(statistic).__name__}") as caught:
        find_range(statistic, Named(method), INT8, Scheme.SYMMETRIC, where="fc/input:0")
    assert caught.value.where == "fc/input:0"
    assert "histogram" in caught.value.fix


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        (Named("median"), "Unknown threshold method 'median'"),
        (Named("percentile", {"percentile": 101}), "percentile=101"),
        (Named("percentile", {"percentile": "99"}), "percentile='99'"),
        (Named("minmax", {"levels": 2}), "levels=2"),
        (Named("mse", {"steps": 0}), "steps=0"),
        (Named("kl", {"levels": True}), "levels=True"),
    ],
)
def test_unknown_methods_and_arguments_are_refused_before_any_data(method: Named, fault: str) -> None:
    with pytest.raises(PlanError, match=fault):
        spec_for(TensorPlan(threshold=method))
    with pytest.raises(PlanError, match=fault):
        find_range(gathered(SAMPLES["normal"]), method, INT8, Scheme.SYMMETRIC)


def test_a_plan_names_its_statistic() -> None:
    assert spec_for(TensorPlan()) == StatisticSpec("range")
    for method in METHODS[1:]:
        assert spec_for(TensorPlan(threshold=method)) == StatisticSpec("histogram", {"bins": 2048})
    assert spec_for(TensorPlan(granularity=PerChannel(1))) == StatisticSpec("channel_range", {"axis": 1})


@pytest.mark.parametrize(
    "plan",
    [
        TensorPlan(granularity=PerChannel(1), threshold="kl"),
        TensorPlan(granularity=PerGroup(1, 32)),
        TensorPlan(ranges=RangeSource.DYNAMIC),
    ],
)
def test_a_plan_that_no_statistic_serves_is_refused(plan: TensorPlan) -> None:
    with pytest.raises(PlanError):
        spec_for(plan)


def test_a_histogram_also_serves_min_max_and_a_missing_statistic_is_said() -> None:
    key = TensorKey(OpId("conv1"), "input:0")
    histogram = gathered(SAMPLES["normal"])
    statistics = Statistics(values={key: {StatisticSpec("histogram", {"bins": 2048}): histogram}}, samples=1)
    assert statistic_for(statistics, key, TensorPlan()) is histogram
    assert statistic_for(statistics, key, TensorPlan(threshold="kl")) is histogram
    with pytest.raises(CalibrationError, match="No statistic 'channel_range' was gathered for this tensor, only histogram") as caught:
        statistic_for(statistics, key, TensorPlan(granularity=PerChannel(1)))
    assert caught.value.where == "conv1/input:0"
