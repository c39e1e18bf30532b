import numpy as np
import pytest
from inc_adaptors.statistics.create import create
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.ranges import ChannelRangeStatistic, RangeStatistic
from inc_config.errors import CalibrationError, PluginError


@pytest.mark.parametrize(
    ("spec", "cls"),
    [
        (StatisticSpec("range"), RangeStatistic),
        (StatisticSpec("histogram"), HistogramStatistic),
        (StatisticSpec("histogram", {"bins": 512}), HistogramStatistic),
        (StatisticSpec("channel_range", {"axis": 1}), ChannelRangeStatistic),
    ],
)
def test_built_in_statistics_are_found_and_keep_the_protocol(spec: StatisticSpec, cls: type) -> None:
    statistic = create(spec)
    assert type(statistic) is cls
    assert isinstance(statistic, Statistic)
    statistic.update(np.ones((2, 3), np.float32))
    assert all(getattr(statistic, name) == value for name, value in spec.args.items())


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(PluginError, match="did you mean 'histogram'"):
        create(StatisticSpec("histogramm"))


@pytest.mark.parametrize("spec", [StatisticSpec("range", {"bins": 3}), StatisticSpec("channel_range")])
def test_wrong_arguments_are_refused(spec: StatisticSpec) -> None:
    with pytest.raises(PluginError, match="does not take these arguments"):
        create(spec)


def test_a_wrong_value_is_the_statistics_own_error() -> None:
    with pytest.raises(CalibrationError, match="cannot have 3 bins"):
        create(StatisticSpec("histogram", {"bins": 3}))
