"""Benchmark a model: a path, or a live object of any framework that has an adaptor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import Signature
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import DataError
from numpy.typing import NDArray

from inc_bench.comparison import Comparison, compare
from inc_bench.measurement import Measurement, measure

DEFAULT_DYNAMIC_SIZE = 128
"""Size given to a dynamic axis other than the batch when no data is given."""


def synthetic_inputs(signature: Signature, *, batch_size: int, seed: int = 0) -> tuple[NDArray[Any], ...]:
    """Random inputs for a signature: uniform in [-1, 1) for floats, zeros and ones for integers and booleans.

    Raises:
        DataError: the model does not say what its inputs are.
    """
    if not signature.inputs:
        raise DataError(
            "The model does not declare its inputs, so none can be made up.",
            where="model signature",
            fix="pass data=, one batch of real inputs",
        )
    rng = np.random.default_rng(seed)
    made = []
    for spec in signature.inputs:
        shape = tuple(size or (batch_size if axis == 0 else DEFAULT_DYNAMIC_SIZE) for axis, size in enumerate(spec.shape))
        kind = np.dtype(spec.dtype)
        values = rng.uniform(-1, 1, shape) if kind.kind == "f" else rng.integers(0, 2, shape)
        made.append(values.astype(kind))
    return tuple(made)


def _call(model: Any, config: BenchmarkConfig, data: Any) -> Callable[[], object]:
    adaptor = adaptor_for(model)
    handle = adaptor.open(model)
    inputs = data if data is not None else synthetic_inputs(handle.signature, batch_size=config.batch_size, seed=config.seed)
    predict = adaptor.predictor(handle, threads=config.threads)
    return lambda: predict(inputs)


def benchmark(model: Any, config: BenchmarkConfig | None = None, data: Any = None) -> Measurement:
    """Latency and throughput of one model in this process.

    Args:
        model: a path or a native model.
        config: rounds, threads and batch size.
        data: one batch of inputs; made up from the model's signature when missing.
    """
    config = config or BenchmarkConfig()
    return measure(_call(model, config, data), config)


def compare_models(baseline: Any, candidate: Any, config: BenchmarkConfig | None = None, data: Any = None) -> Comparison:
    """How many times faster ``candidate`` is than ``baseline`` on the same inputs, paired and interleaved."""
    config = config or BenchmarkConfig()
    return compare(_call(baseline, config, data), _call(candidate, config, data), config)
