"""Latency and throughput of one callable."""

from __future__ import annotations

import time

import pytest
from inc_bench import measure
from inc_config.benchmark import BenchmarkConfig


def test_a_function_that_sleeps_ten_milliseconds_takes_ten_milliseconds() -> None:
    found = measure(lambda: time.sleep(0.010), BenchmarkConfig(rounds=3, iterations=5, warmup=1))
    assert found.median_s == pytest.approx(0.010, rel=0.10)
    assert found.latencies_s.shape == (15,)
    assert found.noisy  # sleeping is not computing: CPU/wall is near 0


def test_throughput_counts_samples_not_calls() -> None:
    found = measure(lambda: time.sleep(0.005), BenchmarkConfig(rounds=3, iterations=4, warmup=1, batch_size=8))
    assert found.throughput_per_s == pytest.approx(8 / found.mean_s, rel=0.05)


def test_percentiles_are_ordered() -> None:
    found = measure(lambda: sum(range(20_000)), BenchmarkConfig(rounds=3, iterations=50, warmup=1))
    assert found.percentile_s(0) <= found.median_s <= found.percentile_s(90) <= found.percentile_s(100)


def test_rounds_are_filled_to_the_asked_time() -> None:
    found = measure(lambda: sum(range(2_000)), BenchmarkConfig(rounds=3, min_round_s=0.02, warmup=1))
    assert all(0.005 < r.wall_s < 0.5 for r in found.rounds)
