"""Latency and throughput people can trust: paired, interleaved, judged on CPU time."""

from inc_bench.comparison import Comparison, Verdict, compare
from inc_bench.environment import Environment, environment
from inc_bench.measurement import Measurement, measure
from inc_bench.model import benchmark, compare_models, synthetic_inputs

__all__ = [
    "Comparison",
    "Environment",
    "Measurement",
    "Verdict",
    "benchmark",
    "compare",
    "compare_models",
    "environment",
    "measure",
    "synthetic_inputs",
]
