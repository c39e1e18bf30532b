"""From statistics to the range that quantization keeps: min-max, percentile, KL (entropy) and mean squared error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from inc_config.dtypes import IntegerType, PerChannel, PerTensor, Scheme
from inc_config.errors import CalibrationError, PlanError
from inc_config.named import Named
from inc_config.plan import RangeSource, TensorKey, TensorPlan
from numpy.typing import NDArray

from inc_adaptors.kernels.kl import kl_search
from inc_adaptors.kernels.mse import Bins, Codes, mse_search
from inc_adaptors.kernels.percentile import percentile_position
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.ranges import ChannelRangeStatistic, RangeStatistic
from inc_adaptors.statistics.store import Statistics

FloatArray = NDArray[np.float32]
Range = tuple[float, float]

HISTOGRAM_BINS = 2048

_RANGE = StatisticSpec("range")
_HISTOGRAM = StatisticSpec("histogram", {"bins": HISTOGRAM_BINS})


def spec_for(plan: TensorPlan) -> StatisticSpec:
    """Name the statistic that an activation's plan needs.

    Raises:
        PlanError: the threshold method is unknown, nothing can be gathered for it per channel or per group, or the range is dynamic.
    """
    method = _method(plan.threshold)
    if plan.ranges is RangeSource.DYNAMIC:
        raise PlanError(
            "A dynamic range is found at run time: no statistic belongs to it.",
            where="ranges of a tensor plan",
            fix="ask only for STATIC tensors",
        )
    match plan.granularity:
        case PerTensor():
            return _RANGE if method == "minmax" else _HISTOGRAM
        case PerChannel(axis) if method == "minmax":
            return StatisticSpec("channel_range", {"axis": axis})
    raise PlanError(
        f"Activations cannot be calibrated with threshold {method!r} at {plan.granularity}.",
        where="granularity of a tensor plan",
        fix="per tensor with any method, or per channel with minmax",
    )


def statistic_for(statistics: Statistics, key: TensorKey, plan: TensorPlan) -> Statistic:
    """The gathered statistic that fits ``plan``; a histogram also gives the range that min-max asks for.

    Raises:
        CalibrationError: nothing fitting was gathered for the tensor.
        PlanError: as ``spec_for``.
    """
    spec = spec_for(plan)
    found = statistics.values.get(key, {})
    for candidate in (spec, _HISTOGRAM) if spec == _RANGE else (spec,):
        if candidate in found:
            return found[candidate]
    raise CalibrationError(
        f"No statistic {spec.name!r} was gathered for this tensor, only {', '.join(sorted(s.name for s in found)) or 'nothing'}.",
        where=str(key),
        fix="calibrate again with this plan among those given to wanted()",
    )


def find_range(
    statistic: Statistic, method: Named, dtype: IntegerType, scheme: Scheme, *, where: str = ""
) -> tuple[FloatArray, FloatArray]:
    """Choose the range to quantize over.

    Args:
        statistic: what was gathered: ``HistogramStatistic`` for every method, ``RangeStatistic`` and ``ChannelRangeStatistic`` for min-max.
        method: ``minmax``; ``percentile`` (``percentile=99.99``: the share of values kept, the rest cut evenly from both ends, or by
            magnitude when symmetric); ``kl``, also called ``entropy`` (``levels``: half the type's codes unless given); ``mse``
            (``steps=100``: fractions of the range that are tried).
        dtype: codes that the range will be spread over.
        scheme: how; matters to ``mse`` and ``percentile``.
        where: name of the tensor, used in error messages only.

    Returns:
        ``minimum`` and ``maximum`` within the observed range, shape () or, from a per-channel statistic, (C,).

    Raises:
        CalibrationError: nothing ordinary was observed, or the statistic cannot give what the method needs.
        PlanError: unknown method or argument.
    """
    name = _method(method)
    if isinstance(statistic, ChannelRangeStatistic) and name == "minmax":
        return _channel_range(statistic, where)
    if not isinstance(statistic, HistogramStatistic) and (name != "minmax" or not isinstance(statistic, RangeStatistic)):
        raise CalibrationError(
            f"Threshold {name!r} cannot be found from a {type(statistic).__name__}.",
            where=where or "find_range",
            fix="gather the statistic that spec_for(plan) names" + ("" if name == "minmax" else ": a histogram, per tensor"),
        )
    _refuse_empty(statistic.minimum > statistic.maximum, statistic, where)
    low, high = statistic.minimum, statistic.maximum
    if isinstance(statistic, HistogramStatistic) and low < high:
        found = _METHODS[name](statistic, dtype, scheme, **method.args)
        low, high = max(low, min(found[0], high)), min(high, max(found[1], low))
    return np.array(low, np.float32), np.array(high, np.float32)


def _method(method: Named) -> str:
    """The method's name, its arguments checked."""
    if method.name not in _METHODS:
        raise PlanError(
            f"Unknown threshold method {method.name!r}.", where="threshold of a tensor plan", fix=f"one of {', '.join(_METHODS)}"
        )
    allowed = _ARGUMENTS[method.name]
    for argument, value in method.args.items():
        low, high = allowed.get(argument, (1.0, 0.0))
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            known = ", ".join(f"{known} from {a:g} to {b:g}" for known, (a, b) in allowed.items()) or "no arguments"
            raise PlanError(
                f"Threshold {method.name!r} does not take {argument}={value!r}.",
                where="threshold of a tensor plan",
                fix=f"it takes {known}",
            )
    return "kl" if method.name == "entropy" else method.name


def _minmax(histogram: HistogramStatistic, dtype: IntegerType, scheme: Scheme) -> Range:
    return histogram.minimum, histogram.maximum


def _percentile(histogram: HistogramStatistic, dtype: IntegerType, scheme: Scheme, *, percentile: float = 99.99) -> Range:
    first, counts, width = histogram.first, histogram.counts, histogram.width
    if scheme is Scheme.SYMMETRIC:
        mirrored = _mirrored(histogram, 1)
        half = mirrored.size // 2
        bound = percentile_position(mirrored[half:] + mirrored[:half][::-1], percentile / 100.0) * width
        return -bound, bound
    kept = 1.0 - (1.0 - percentile / 100.0) / 2.0
    low = first + counts.size - percentile_position(counts[::-1].copy(), kept)
    return low * width, (first + percentile_position(counts, kept)) * width


def _kl(histogram: HistogramStatistic, dtype: IntegerType, scheme: Scheme, *, levels: int | None = None) -> Range:
    levels = int(levels or 1 << (dtype.bits - 1))
    best = kl_search(_mirrored(histogram, levels), levels)
    if best < 0:
        return histogram.minimum, histogram.maximum
    return -best * histogram.width, (best + 1) * histogram.width


def _mse(histogram: HistogramStatistic, dtype: IntegerType, scheme: Scheme, *, steps: int = 100) -> Range:
    low, high = min(histogram.minimum, 0.0), max(histogram.maximum, 0.0)
    middle = float((dtype.qmin + dtype.qmax + 1) // 2) if scheme is Scheme.SYMMETRIC else math.nan
    codes = Codes(float(dtype.qmin), float(dtype.qmax), middle)
    return mse_search(Bins(histogram.counts, histogram.first, histogram.width), low, high, codes, int(steps))


def _mirrored(histogram: HistogramStatistic, multiple: int) -> NDArray[np.int64]:
    """Counts with as many bins on either side of zero, a multiple of ``multiple`` on each.

    So the widest window of the KL search splits into levels without a remainder, which would speak against keeping the whole range.
    """
    below = -histogram.first
    half = -(-max(below, histogram.counts.size - below) // multiple) * multiple
    counts = np.zeros(2 * half, np.int64)
    counts[half - below : half - below + histogram.counts.size] = histogram.counts
    return counts


_METHODS: Mapping[str, Callable[..., Range]] = {"minmax": _minmax, "percentile": _percentile, "kl": _kl, "entropy": _kl, "mse": _mse}
_ARGUMENTS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "minmax": {},
    "percentile": {"percentile": (1.0, 100.0)},
    "kl": {"levels": (2, 1 << 15)},
    "entropy": {"levels": (2, 1 << 15)},
    "mse": {"steps": (1, 100_000)},
}


def _channel_range(statistic: ChannelRangeStatistic, where: str) -> tuple[FloatArray, FloatArray]:
    empty = statistic.minimum > statistic.maximum
    _refuse_empty(statistic.minimum.size == 0 or bool(empty.all()), statistic, where)
    zero = np.float32(0.0)
    return np.where(empty, zero, statistic.minimum), np.where(empty, zero, statistic.maximum)


def _refuse_empty(empty: bool, statistic: Any, where: str) -> None:
    if empty:
        raise CalibrationError(
            f"No ordinary value was observed: {statistic.count} values, {statistic.non_finite} not finite, {statistic.masked} beyond 1e30.",
            where=where or "find_range",
            fix="leave this operator in float, or calibrate with data that reaches it",
        )
