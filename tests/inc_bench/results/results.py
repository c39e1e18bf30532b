"""Results made up for tests."""

from __future__ import annotations

import attrs
from inc_bench.results import BenchmarkResult, Estimate, InstanceResult, Latencies, Noise
from inc_bench.surroundings import Environment
from inc_config.target import Isa

LATENCY = Latencies(count=100, mean_s=0.011, median_s=0.010, p90_s=0.012, p99_s=0.020, max_s=0.025)
INSTANCE = InstanceResult(
    cpus=(0, 1),
    node=0,
    threads=2,
    throughput_per_s=50.0,
    latency=LATENCY,
    load_s=0.5,
    first_s=0.6,
    rss_bytes=10**8,
    peak_bytes=2 * 10**8,
    cpu_utilisation=0.9,
    steady_after_s=0.0,
)
ENVIRONMENT = Environment(cpu="a processor", isa=Isa.AVX2, cores=4, load=0.1, python="3.11", versions={"numpy": "2.0", "torch": None})
RESULT = BenchmarkResult(
    model="m.onnx",
    data="synthetic",
    mode="offline",
    batch_size=1,
    layout="2 x 2",
    window_s=2.0,
    throughput=Estimate(value=100.0, low=98.0, high=102.0),
    throughput_per_cpu_s=25.0,
    latency=LATENCY,
    instances=(INSTANCE, attrs.evolve(INSTANCE, cpus=(2, 3))),
    noise=Noise(foreign_share=0.01),
    environment=ENVIRONMENT,
)


def result(throughput: float = 100.0, **changes: object) -> BenchmarkResult:
    estimate = Estimate(value=throughput, low=0.98 * throughput, high=1.02 * throughput)
    return attrs.evolve(RESULT, throughput=estimate, **changes)
