"""Paired, interleaved comparison."""

from __future__ import annotations

import time

import numpy as np
import pytest
from clocks import Clock
from inc_bench import Comparison, Verdict, compare
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import EvaluationError

CONFIG = BenchmarkConfig(rounds=9, min_round_s=0.01, warmup=1)


def work(units: int) -> None:
    """Spend CPU time proportional to ``units``."""
    total = 0
    for value in range(units * 2000):
        total += value


def test_a_call_that_does_three_times_the_work_is_three_times_slower() -> None:
    found = compare(lambda: work(3), lambda: work(1), CONFIG)
    assert 2.0 < found.ratio < 4.5  # of CPU time; a neighbour on the same core makes that vary too
    assert found.low <= found.ratio <= found.high
    assert found.on_cpu


def test_rounds_disturbed_by_waiting_are_thrown_away_and_said() -> None:
    """Sleeping takes wall time and no CPU: every round falls below 0.95 CPU/wall, so nothing may be claimed."""
    found = compare(lambda: time.sleep(0.002), lambda: work(1), BenchmarkConfig(rounds=3, iterations=2, warmup=1))
    assert found.noisy
    assert found.dropped == 9
    assert found.verdict is Verdict.INCONCLUSIVE
    assert not found.holds(at_least=0.001)


@pytest.mark.parametrize(("threads", "ratio"), [(1, 2.0), (2, 4.0)])
def test_with_several_threads_wall_time_is_compared(threads: int, ratio: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the wall time, half of which is work: twice the CPU time. With one thread the pairs count as disturbed all the same."""
    clock = Clock()
    monkeypatch.setattr("inc_bench.timing.time", clock)
    config = BenchmarkConfig(rounds=5, iterations=3, warmup=1, threads=threads)
    found = compare(clock.call(0.04, share=0.5), clock.call(0.01), config)
    assert found.on_cpu is (threads == 1)
    assert found.noisy is (threads == 1)
    assert (found.ratio, found.low, found.high) == pytest.approx((ratio, ratio, ratio))
    assert found.baseline_s == pytest.approx(0.04 / (2 if threads == 1 else 1))


def test_a_disturbed_pair_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second round of the baseline waits: of four pairs three are kept."""
    clock = Clock()
    monkeypatch.setattr("inc_bench.timing.time", clock)
    work, wait = clock.call(0.02), clock.call(0.5, share=0.1)
    turns = iter([work, work, wait, *[work] * 10])  # the first warms up

    def baseline() -> None:
        next(turns)()

    found = compare(baseline, clock.call(0.01), BenchmarkConfig(rounds=3, iterations=1, warmup=1))
    assert (found.rounds, found.dropped) == (3, 1)
    assert found.ratio == pytest.approx(2.0)
    assert not found.noisy


@pytest.mark.parametrize(
    ("low", "high", "noisy", "verdict"),
    [
        (1.1, 1.3, False, Verdict.FASTER),
        (0.7, 0.9, False, Verdict.SLOWER),
        (0.9, 1.2, False, Verdict.INCONCLUSIVE),
        (1.1, 1.3, True, Verdict.INCONCLUSIVE),
    ],
)
def test_a_verdict_needs_the_whole_interval(low: float, high: float, noisy: bool, verdict: Verdict) -> None:
    found = Comparison(
        ratio=float(np.sqrt(low * high)),
        low=low,
        high=high,
        baseline_s=1.0,
        candidate_s=1.0,
        rounds=9,
        dropped=0,
        on_cpu=True,
        confidence=0.95,
        noisy=noisy,
    )
    assert found.verdict is verdict
    assert found.holds(at_least=1.05) is (verdict is Verdict.FASTER)


def test_a_call_that_raises_is_reported_with_its_side() -> None:
    def broken() -> None:
        raise RuntimeError("no such input")

    with pytest.raises(EvaluationError, match="the candidate could not be run: RuntimeError: no such input"):
        compare(lambda: None, broken, CONFIG)
