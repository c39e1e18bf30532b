"""Loads: what is noted of them, what noting costs, and random arrivals."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from inc_bench.instances.driving import Progress, drive, longest_idle_s, poisson_arrivals
from inc_bench.instances.job import Closed, Poisson


def stopped() -> Progress:
    progress = Progress()
    progress.stop.set()
    return progress


def test_timing_a_call_costs_less_than_two_percent_of_a_millisecond() -> None:
    """CPU time of timing a call that does nothing; a bare loop would cost even less."""
    calls = 50_000
    before = time.process_time()
    drive(lambda: None, Closed(calls=calls), start=time.perf_counter(), progress=stopped())
    assert (time.process_time() - before) / calls < 0.02 * 1e-3


@pytest.mark.parametrize(("calls", "rounds"), [(1, 15), (7, 3), (30, 15), (31, 15)])
def test_exactly_the_asked_calls_are_made(calls: int, rounds: int) -> None:
    made = []
    found = drive(lambda: made.append(1), Closed(calls=calls, rounds=rounds), start=time.perf_counter(), progress=stopped())
    assert len(made) == len(found.ends) == calls
    assert found.marks.shape == (rounds + 1, 2)
    assert found.reached == found.ends[-1]


def test_a_duration_is_kept_and_calls_follow_each_other() -> None:
    start = time.perf_counter() + 0.01
    found = drive(lambda: time.sleep(0.001), Closed(duration_s=0.1), start=start, progress=stopped())
    assert found.begins[0] >= start
    assert found.reached >= start + 0.1
    np.testing.assert_array_equal(found.begins[1:], found.ends[:-1])
    assert np.all(np.diff(found.marks[:, 0]) > 0)
    assert np.all(np.diff(found.marks[:, 1]) >= 0)


def test_an_instance_that_starts_too_late_still_makes_one_call() -> None:
    found = drive(lambda: None, Closed(duration_s=0.01), start=time.perf_counter() - 1.0, progress=stopped())
    assert len(found.ends) == 1


def test_an_error_of_the_model_comes_through() -> None:
    def broken() -> None:
        raise RuntimeError("no such input")

    with pytest.raises(RuntimeError, match="no such input"):
        drive(broken, Closed(calls=3), start=time.perf_counter(), progress=stopped())
    with pytest.raises(RuntimeError, match="no such input"):
        drive(broken, Poisson(rate_per_s=100, duration_s=0.1), start=time.perf_counter(), progress=stopped())


def test_arrivals_are_random_with_the_asked_mean_and_repeat_with_their_seed() -> None:
    """Exponential gaps: their mean is 1/rate, their standard deviation equals their mean. 20,000 gaps: both within 3 %."""
    load = Poisson(rate_per_s=200, duration_s=100, seed=4)
    found = poisson_arrivals(load)
    gaps = np.diff(found)
    assert np.mean(gaps) == pytest.approx(1 / 200, rel=0.03)
    assert np.std(gaps) == pytest.approx(1 / 200, rel=0.03)
    assert found[0] >= 0
    assert found[-1] < 100
    np.testing.assert_array_equal(found, poisson_arrivals(load))
    assert not np.array_equal(found[:10], poisson_arrivals(Poisson(rate_per_s=200, duration_s=100, seed=5))[:10])


def test_calls_that_pile_up_are_left_unanswered_at_twice_the_duration() -> None:
    """A hundred calls of 30 ms arrive within 0.1 s; answering them all would take 3 s."""
    load = Poisson(rate_per_s=1000, duration_s=0.1, seed=1)
    asked = poisson_arrivals(load).size
    start = time.perf_counter()
    found = drive(lambda: time.sleep(0.03), load, start=start, progress=stopped())
    assert found.unanswered == asked - found.ends.size > 0
    assert found.begins.size == found.ends.size <= 8
    assert found.arrivals is not None
    assert found.dispatched is not None
    assert found.arrivals.size == found.dispatched.size == found.ends.size
    assert found.begins[-1] < start + 0.2


def test_a_call_longer_than_everything_is_still_answered_once() -> None:
    found = drive(lambda: time.sleep(0.1), Poisson(rate_per_s=1000, duration_s=0.02, seed=1), start=time.perf_counter(), progress=stopped())
    assert found.ends.size == 1


def test_streams_of_several_instances_add_up_to_one_of_the_asked_rate() -> None:
    """The superposition of independent Poisson streams is one of the sum of their rates: gaps of mean and deviation 1/rate, 3 %."""
    streams = [poisson_arrivals(Poisson(rate_per_s=50, duration_s=100, seed=7 + index)) for index in range(4)]
    gaps = np.diff(np.sort(np.concatenate(streams)))
    assert np.mean(gaps) == pytest.approx(1 / 200, rel=0.03)
    assert np.std(gaps) == pytest.approx(1 / 200, rel=0.03)


def test_the_longest_idle_time_is_that_between_arrivals() -> None:
    load = Poisson(rate_per_s=5, duration_s=10, seed=2)
    moments = [0.0, *poisson_arrivals(load)]
    assert longest_idle_s(load) == max(after - before for before, after in pairwise(moments)) > 1 / 5
    assert longest_idle_s(Poisson(rate_per_s=0.001, duration_s=0.01)) == 0.0
    assert longest_idle_s(Closed(calls=3)) == 0.0


def test_a_rate_below_one_call_per_duration_still_ends() -> None:
    found = drive(lambda: None, Poisson(rate_per_s=0.001, duration_s=0.05), start=time.perf_counter(), progress=stopped())
    assert found.ends.size == 0
