"""Histograms against ``np.histogram``, 2,048 bins, one thread: with a known range, and the product's streaming update that finds the range.

Bounds: known range at least 7 times as fast on 50 MB of float32 and 8 times on 1 MB; streaming at least 3.5 times (numpy too finds the
range then). Pairs are interleaved in one process and judged by CPU time; a bound
holds when the whole 95 % interval of the ratio lies above it.
What compiling costs is printed apart, from fresh processes with an empty and with a filled cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial

import numpy as np
from inc_adaptors.kernels.extent import extent
from inc_adaptors.kernels.grid import histogram
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_bench.comparison import Comparison, compare
from inc_config.benchmark import BenchmarkConfig
from numpy.typing import NDArray

BINS = 2048
SIZES = {"50 MB": 12_500_000, "1 MB": 262_144}
KNOWN_BOUND = {"50 MB": 7.0, "1 MB": 8.0}
STREAMING_BOUND = 3.5
CONFIG = BenchmarkConfig(rounds=15, warmup=2)

COLD_START = """
import time
import numpy as np
from inc_adaptors.kernels.grid import histogram
from inc_adaptors.statistics.histogram import HistogramStatistic
values, counts = np.ones(8, np.float32), np.zeros(4096, np.int64)
for call in (lambda: histogram(values, 0, counts), lambda: HistogramStatistic().update(values)):
    start = time.process_time()
    call()
    print(time.process_time() - start)
"""


def main() -> int:
    """Measure, print the tables and return 1 where a bound is not certain to hold."""
    print_cold_start()
    print(f"\n{'kernel':<28}{'data':<16}{'times np.histogram':<24}{'GB/s':>6}{'bound':>7}  verdict")
    missed = 0
    for size, count in SIZES.items():
        normal = np.random.default_rng(0).standard_normal(count, np.float32)
        for data, values in (("normal", normal), ("relu", np.maximum(normal, np.float32(0.0)))):
            missed += report("known range", f"{size} {data}", known_range(values), values, KNOWN_BOUND[size])
            missed += report("streaming, range unknown", f"{size} {data}", streaming(values), values, STREAMING_BOUND)
        ratio = compare(partial(numpy_range, normal), partial(extent, normal), CONFIG)
        print(f"{'range alone, by numpy min+max':<44}{ratio!s:<24}{normal.nbytes / ratio.candidate_s / 1e9:>6.1f}")
    return 1 if missed else 0


def known_range(values: NDArray[np.float32]) -> Comparison:
    """Compare on one grid, after making sure that both count the same."""
    statistic = HistogramStatistic(bins=BINS)
    statistic.update(values)
    exponent = statistic.exponent
    half = BINS // 2
    while half * 2.0**exponent <= max(statistic.maximum, -statistic.minimum):
        exponent += 1
    reach = half * 2.0**exponent
    counts = np.zeros(BINS, np.int64)
    histogram(values, exponent, counts)
    expected, _ = np.histogram(np.abs(values), half, (0.0, reach))  # bins mirror at zero, numpy's do not: compare magnitudes
    if not np.array_equal(counts[half:] + counts[:half][::-1], expected):
        raise SystemExit("the kernel and np.histogram count differently")
    return compare(lambda: np.histogram(values, BINS, (-reach, reach)), lambda: histogram(values, exponent, counts), CONFIG)


def streaming(values: NDArray[np.float32]) -> Comparison:
    """Compare from nothing: both find the range of the data themselves."""

    def update() -> None:
        HistogramStatistic(bins=BINS).update(values)

    return compare(lambda: np.histogram(values, BINS), update, CONFIG)


def numpy_range(values: NDArray[np.float32]) -> tuple[float, float]:
    """Minimum and maximum in two passes, NaN unnoticed."""
    return float(values.min()), float(values.max())


def report(kernel: str, data: str, ratio: Comparison, values: NDArray[np.float32], bound: float) -> bool:
    """Print one row; returns whether the bound is not certain to hold."""
    holds = ratio.holds(at_least=bound)
    verdict = "holds" if holds else "missed" if not ratio.noisy and ratio.high < bound else "inconclusive"
    print(f"{kernel:<28}{data:<16}{ratio!s:<24}{values.nbytes / ratio.candidate_s / 1e9:>6.1f}{bound:>7g}  {verdict}", flush=True)
    return not holds


def print_cold_start() -> None:
    """Time each kernel's first call in two fresh processes that share a cache folder, empty at first."""
    with tempfile.TemporaryDirectory() as cache:
        cold, cached = first_calls(cache), first_calls(cache)
    print("first call in a process (s of CPU)      compiled   from cache")
    for name, first, second in zip(("known range", "streaming"), cold, cached, strict=True):
        print(f"{name:<40}{first:>8.2f}{second:>13.3f}")


def first_calls(cache: str) -> list[float]:
    """CPU seconds of each kernel's first call in a fresh process that keeps compiled code in ``cache``."""
    done = subprocess.run(
        [sys.executable, "-c", COLD_START], env={**os.environ, "NUMBA_CACHE_DIR": cache}, capture_output=True, text=True, check=True
    )
    return [float(line) for line in done.stdout.split()]


if __name__ == "__main__":
    sys.exit(main())
