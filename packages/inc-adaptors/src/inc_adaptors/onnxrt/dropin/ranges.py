"""Find the range of each tensor from the calibration data, by the tool's methods and options."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import attrs
import numpy as np
from inc_config.dtypes import IntegerType, PerTensor, Scheme
from inc_config.named import Named
from inc_config.plan import OpId, TensorKey, TensorPlan
from onnxruntime.quantization import CalibrationMethod

from inc_adaptors.handle import Signature
from inc_adaptors.onnxrt.dropin.arguments import Options
from inc_adaptors.onnxrt.dropin.source import gather
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.thresholds import find_range, spec_for

Range = tuple[float, float]

_BINS = 2048


@attrs.frozen(kw_only=True, eq=False)
class Calibration:
    """A graph with its data: ``ranges`` streams, except for a moving average, which looks at each batch alone."""

    graph: Graph
    signature: Signature
    method: CalibrationMethod
    options: Options
    dtype: IntegerType

    def ranges(self, tensors: Collection[str], batches: Iterable[Any]) -> dict[str, Range]:
        """The range of every tensor but those that held NaN, infinity or magnitudes beyond 1e30, which no range of codes stands for.

        Raises:
            DataError: no data, or data that do not fit the model.
            CalibrationError: a tensor never held an ordinary value.
            ModelError: onnxruntime cannot run the model.
        """
        if self.method is CalibrationMethod.MinMax and self.options.moving_average:
            found = self._averaged(tensors, batches)
        else:
            found = self._whole(tensors, batches)
        return {name: self._widened(low, high) for name, (low, high) in found.items()}

    def _whole(self, tensors: Collection[str], batches: Iterable[Any]) -> dict[str, Range]:
        keys = {TensorKey(OpId(name), "output:0"): name for name in sorted(tensors)}
        plan = TensorPlan(dtype=self.dtype, scheme=self._scheme(), granularity=PerTensor(), threshold=self._threshold())
        spec = spec_for(plan)
        wanted: Mapping[TensorKey, frozenset[StatisticSpec]] = dict.fromkeys(keys, frozenset({spec}))
        found = gather(self.graph, self.signature, keys, batches, wanted)
        made = {}
        for key, name in keys.items():
            statistic: Any = found.values[key][spec]
            if statistic.non_finite or statistic.masked:
                continue
            low, high = (float(bound) for bound in find_range(statistic, plan.threshold, plan.dtype, plan.scheme, where=name))
            if isinstance(statistic, HistogramStatistic):
                low, high = _on_grid(low, high, statistic, symmetric=plan.scheme is Scheme.SYMMETRIC)
            made[name] = (low, high)
        return made

    def _averaged(self, tensors: Collection[str], batches: Iterable[Any]) -> dict[str, Range]:
        """Means over the batches; with ``CalibStridedMinMax`` over each group of batches, groups joined by exponential smoothing."""
        held = list(batches)
        size = self.options.stride or max(len(held), 1)
        groups = [held[start : start + size] for start in range(0, max(len(held), 1), size)]
        joined: dict[str, Any] = {}
        for group in groups:
            each = [self._whole(tensors, [batch]) for batch in group] or [self._whole(tensors, [])]
            for name in set(each[0]).intersection(*each):
                mean = np.mean([found[name] for found in each], axis=0)
                before = joined.get(name)
                joined[name] = mean if before is None else before + self.options.averaging_constant * (mean - before)
        return {name: (float(low), float(high)) for name, (low, high) in joined.items()}

    def _widened(self, low: float, high: float) -> Range:
        symmetric = bool(self.options.range_symmetric) and self.method is CalibrationMethod.MinMax
        if symmetric or self.method is CalibrationMethod.Distribution:
            bound = max(abs(low), abs(high))
            return -bound, bound
        return low, high

    def _threshold(self) -> Named:
        if self.method is CalibrationMethod.Percentile:
            return Named("percentile", {"percentile": max(self.options.percentile, 1.0)})
        return Named("minmax")  # Entropy too: among 128 bins the tool's search for 128 levels has one candidate, the whole range

    def _scheme(self) -> Scheme:
        """Percentiles are of magnitudes unless the user says otherwise."""
        wish = self.options.range_symmetric
        symmetric = wish is not False if self.method is CalibrationMethod.Percentile else bool(wish)
        return Scheme.SYMMETRIC if symmetric else Scheme.ASYMMETRIC


def _on_grid(low: float, high: float, statistic: HistogramStatistic, *, symmetric: bool) -> Range:
    """The bounds that a histogram of the tool's bins would give: the lower edges of the bins that the percentiles fall in."""
    reach = max(abs(statistic.minimum), abs(statistic.maximum))
    if reach == 0.0:
        return low, high
    width = reach / _BINS if symmetric else 2.0 * reach / _BINS
    origin = 0.0 if symmetric else -reach

    def edge(bound: float) -> float:
        place = min(math.floor((bound - origin) / width), _BINS - 1)
        return origin + place * width

    if symmetric:
        bound = edge(max(-low, high))
        return max(-bound, statistic.minimum), min(bound, statistic.maximum)
    return max(edge(low), statistic.minimum), min(edge(high), statistic.maximum)


def with_unit_ranges(ranges: Mapping[str, Range], unit: Iterable[str]) -> dict[str, Range]:
    """The ranges, 0 to 1 for outputs of Softmax."""
    return {**ranges, **dict.fromkeys(unit, (0.0, 1.0))}
