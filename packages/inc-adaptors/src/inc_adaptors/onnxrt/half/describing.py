"""The role of mixed precision for ONNX models: which operators may compute in 16 bits on a target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
from inc_config.capabilities import Capabilities
from inc_config.dtypes import FP16, FloatType
from inc_config.plan import OpId, TensorKey

from inc_adaptors.batches import bind
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.analysis import Analysis
from inc_adaptors.onnxrt.calibration import calibrate
from inc_adaptors.onnxrt.half.measuring import HalfKernels
from inc_adaptors.onnxrt.half.options import half_options, without_overflow
from inc_adaptors.onnxrt.shapes import infer
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.ranges import RangeStatistic

_RANGE = StatisticSpec("range")


def describe_half(
    handle: ModelHandle,
    analysis: Analysis,
    capabilities: Capabilities,
    precisions: Iterable[FloatType],
    kernels: HalfKernels,
    *,
    batches: Iterable[Any],
    smaller: bool,
    threads: int,
) -> Capabilities:
    """16-bit options of every operator; the first of ``batches`` tells shapes, all of them whether fp16 reaches far enough.

    Raises:
        DataError: a batch does not fit the model, or is not finite.
    """
    rest = iter(batches)
    first = next(rest, None)
    types = analysis.types
    if first is not None:
        feed = bind(first, handle.signature)
        types = infer(analysis.graph, {name: array.shape for name, array in feed.items()})
    found = half_options(analysis, types, capabilities, precisions, kernels, smaller=smaller)
    if first is None or not any(option.compute_dtype is FP16 for op in found.ops for option in op.options):
        return found
    return without_overflow(found, _largest(handle, analysis, chain((first,), rest), threads=threads))


def _largest(handle: ModelHandle, analysis: Analysis, batches: Iterable[Any], *, threads: int) -> dict[OpId, float]:
    """The greatest magnitude that each operator reads or writes on the batches."""
    tensors = analysis.layout.tensors()
    one_key = {name: key for key, name in tensors.items()}
    wanted: Mapping[TensorKey, frozenset[StatisticSpec]] = {key: frozenset({_RANGE}) for key in one_key.values()}
    seen: dict[str, float] = {}

    def watched() -> Iterable[Any]:
        for batch in batches:
            for name, array in bind(batch, handle.signature).items():
                if array.size and np.issubdtype(array.dtype, np.floating):
                    seen[name] = max(seen.get(name, 0.0), float(np.abs(array).max()))
            yield batch

    gathered = calibrate(
        analysis.graph, handle.signature, tensors, watched(), wanted, threads=threads, fingerprint="", progress=lambda samples: None
    )
    for name, key in one_key.items():
        statistic = gathered.values[key][_RANGE]
        if isinstance(statistic, RangeStatistic) and statistic.minimum <= statistic.maximum:
            seen[name] = max(-statistic.minimum, statistic.maximum)
    return {
        operator.op: max((seen.get(name, 0.0) for name in (*analysis.graph.nodes[operator.node].input, *operator.outputs)), default=0.0)
        for operator in analysis.operators
        if operator.node >= 0
    }
