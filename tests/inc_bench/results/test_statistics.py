"""Figures of recorded times, checked against times made up by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_bench.instances.driving import Recorded
from inc_bench.results.statistics import completed, latencies, steady_after, student_t, throughput, window


def closed(start: float, seconds: list[float], *, reached: float | None = None) -> Recorded:
    edges = start + np.concatenate([[0.0], np.cumsum(seconds)])
    return Recorded(
        begins=edges[:-1],
        ends=edges[1:],
        marks=np.array([[edges[0], 0.0], [edges[-1], 1.0]]),
        reached=float(edges[-1]) if reached is None else reached,
    )


def test_latencies_of_known_numbers() -> None:
    found = latencies(np.arange(1, 101) / 1000)  # 1 to 100 ms
    assert (found.count, found.max_s) == (100, 0.1)
    assert found.mean_s == pytest.approx(0.0505)
    assert found.median_s == pytest.approx(0.0505)
    assert found.p90_s == pytest.approx(0.0901)  # numpy's linear rule: 1 + 0.9 * 99 = 90.1
    assert found.p99_s == pytest.approx(0.09901)


def test_the_window_is_the_time_in_which_all_ran() -> None:
    early, late = closed(0.0, [1.0] * 6, reached=5.0), closed(0.5, [1.0] * 6, reached=5.5)
    assert window([early, late]) == (0.5, 5.5)


def test_a_call_that_is_cut_by_the_windows_edge_counts_in_part() -> None:
    run = closed(0.0, [1.0, 2.0])
    np.testing.assert_allclose(completed(run, np.array([0.0, 0.5, 1.0, 2.0, 3.0])), [0.0, 0.5, 1.0, 1.5, 2.0])


def test_throughput_adds_instances_and_counts_samples() -> None:
    fast, slow = closed(0.0, [0.1] * 100, reached=10.0), closed(0.0, [0.2] * 50, reached=10.0)
    found = throughput([fast, slow], batch_size=4, parts=10, confidence=0.95)
    assert found.value == pytest.approx(4 * (10 + 5))
    assert found.low == pytest.approx(found.value)  # perfectly regular: no spread
    assert found.high == pytest.approx(found.value)


def test_few_calls_have_no_interval() -> None:
    assert throughput([closed(0.0, [1.0] * 4)], batch_size=1, parts=15, confidence=0.95).low is None


def test_the_interval_holds_its_confidence() -> None:
    """Calls of random length, mean 10 ms: the true rate, 100 a second, lies in at least 90 % of 400 seeded 95 % intervals."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        run = closed(0.0, list(rng.gamma(4, 0.0025, 1200)), reached=10.0)
        found = throughput([run], batch_size=1, parts=15, confidence=0.95)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 100 <= found.high
    assert inside >= 360


@pytest.mark.parametrize("probability", [0.9, 0.95, 0.975])
@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 14, 60])
def test_students_t_against_scipy(probability: float, freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not a dependency of this package")
    assert student_t(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=3e-3)


def test_a_constant_speed_is_steady_from_the_start() -> None:
    run = closed(0.0, list(np.random.default_rng(1).normal(0.01, 0.0005, 1000)))
    found = steady_after(run.ends - run.begins, run.ends, 0.0)
    assert found is not None
    assert found < 1.0  # of 10 s


def test_a_slow_start_is_found() -> None:
    """A hundred calls of 30 ms (3 s), then nine hundred of 10 ms."""
    seconds = np.concatenate([np.full(100, 0.03), np.full(900, 0.01)]) + np.random.default_rng(2).normal(0, 0.0005, 1000)
    run = closed(0.0, list(seconds))
    found = steady_after(run.ends - run.begins, run.ends, 0.0)
    assert found is not None
    assert 2.7 < found < 4.0


def test_a_speed_that_drifts_all_the_time_never_becomes_steady() -> None:
    run = closed(0.0, list(np.linspace(0.01, 0.05, 1000)))
    assert steady_after(run.ends - run.begins, run.ends, 0.0) is None


@given(st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=50))
def test_completed_calls_grow_from_none_to_all(seconds: list[float]) -> None:
    run = closed(3.0, seconds)
    found = completed(run, np.linspace(3.0, run.ends[-1], 20))
    assert found[0] == 0
    assert found[-1] == pytest.approx(len(seconds))
    assert np.all(np.diff(found) >= 0)
