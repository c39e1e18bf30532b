"""The KL threshold search against that of ``onnxruntime.quantization``, 2,048 bins and 128 levels, one thread.

Bound: at least 50 times as fast, with the same thresholds. Pairs are interleaved in one process and judged by CPU time; the bound holds
when the whole 95 % interval of the ratio lies above it. Compiling is excluded and printed apart, as is what each method costs per tensor.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Any

import numpy as np
from inc_adaptors.kernels.kl import kl_search
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.thresholds import find_range
from inc_bench.comparison import compare
from inc_bench.timing import timed_round
from inc_config.benchmark import BenchmarkConfig
from inc_config.dtypes import UINT8, Scheme
from inc_config.named import Named
from numpy.typing import NDArray
from onnxruntime.quantization.calibrate import HistogramCollector

BINS, LEVELS, BOUND = 2048, 128, 50.0
CONFIG = BenchmarkConfig(rounds=9, warmup=1, iterations=1)
SAMPLES = 1_000_000
REPEATS = 20  # a search of 2 ms is repeated within a timed round; onnxruntime's third of a second is not


def main() -> int:
    """Measure, print the tables and return 1 where thresholds differ or the bound is not certain to hold."""
    rng = np.random.default_rng(0)
    normal = rng.standard_normal(SAMPLES, np.float32)
    tensors = {"normal": normal, "relu": np.maximum(normal, np.float32(0.0)), "heavy tail": rng.standard_t(4, SAMPLES).astype(np.float32)}
    start = time.process_time()
    kl_search(np.ones(BINS, np.int64), LEVELS)
    print(f"first call in this process (compiled, or from cache): {time.process_time() - start:.2f} s of CPU")
    print(f"\n{'data':<14}{'thresholds':<12}{'times onnxruntime':<24}{'ms':>8}{'bound':>7}  verdict")
    missed = [name for name, values in tensors.items() if not search_holds(name, values)]
    print(f"\n{'method (uint8, streamed histogram)':<36}{'ms of CPU per tensor':>22}")
    histogram = HistogramStatistic(bins=BINS)
    histogram.update(normal)
    for method in ("minmax", "percentile", "kl", "mse"):
        find = partial(find_range, histogram, Named(method), UINT8, Scheme.ASYMMETRIC)
        find()  # compiles
        print(f"{method:<36}{min(timed_round(find, REPEATS).per_call_s(on_cpu=True) for _ in range(5)) * 1e3:>22.3f}")
    return 1 if missed else 0


def search_holds(name: str, values: NDArray[np.float32]) -> bool:
    """Compare both searches on one histogram and print the row."""
    limit = np.abs(values).max()
    counts, edges = np.histogram(values, BINS, (-limit, limit))
    collector = HistogramCollector.__new__(HistogramCollector)  # its search reads nothing but its arguments
    described: tuple[Any, ...] = (counts, edges, values.min(), values.max(), limit)
    best = kl_search(counts, LEVELS)
    ours = (max(edges[BINS // 2 - best], values.min()), min(edges[min(BINS // 2 + best + 1, BINS)], values.max()))
    reference = partial(collector.get_entropy_threshold, described, LEVELS)
    same = ours == tuple(reference())
    rounds = compare(reference, lambda: [kl_search(counts, LEVELS) for _ in range(REPEATS)], CONFIG)
    ratio = f"{rounds.ratio * REPEATS:.0f}x [{rounds.low * REPEATS:.0f}, {rounds.high * REPEATS:.0f}]"
    ratio += " (noisy machine)" if rounds.noisy else ""
    holds = same and rounds.holds(at_least=BOUND / REPEATS)
    verdict = "holds" if holds else "missed" if not same or rounds.high * REPEATS < BOUND else "inconclusive"
    print(
        f"{name:<14}{'same' if same else 'different':<12}{ratio:<24}{rounds.candidate_s / REPEATS * 1e3:>8.2f}{BOUND:>7g}  {verdict}",
        flush=True,
    )
    return holds


if __name__ == "__main__":
    sys.exit(main())
