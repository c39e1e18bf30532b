"""Benchmark a model: a path, or a live object of any framework that has an adaptor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inc_adaptors.detect import adaptor_for
from inc_config.benchmark import BenchmarkConfig

from inc_bench.comparison import Comparison, compare
from inc_bench.instances.inputs import synthetic_inputs
from inc_bench.measurement import Measurement, measure


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
