"""Operators that the calibration data never gave a value: behind an empty selection, or where all values are masks."""

from __future__ import annotations

from inc_config.plan import OpId

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.ranges import RangeStatistic
from inc_adaptors.statistics.store import Statistics


def unreached(layout: Layout, statistics: Statistics) -> frozenset[OpId]:
    """Operators with an observed tensor of which no ordinary value was seen."""
    tensors = layout.tensors()
    empty = {
        tensors[key]
        for key, found in statistics.values.items()
        if key in tensors and any(_is_empty(statistic) for statistic in found.values())
    }
    touched = (o.op for o in layout.operators if empty.intersection(o.inputs.values()) or empty.intersection(o.outputs))
    return frozenset(touched)


def _is_empty(statistic: object) -> bool:
    return isinstance(statistic, RangeStatistic | HistogramStatistic) and statistic.minimum > statistic.maximum
