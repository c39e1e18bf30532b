"""What counts as a disturbance."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from inc_bench.machine.watching import Snapshot, snapshot
from inc_bench.results import Estimate
from inc_bench.results.noise import noise


def judged(before: Snapshot, after: Snapshot, **changes: object) -> object:
    settings = {"own_cpu_s": 8.0, "cores": 2, "estimate": Estimate(value=100.0, low=99.0, high=101.0)} | changes
    return noise(attrs.evolve(before, moment_s=3.0), attrs.evolve(after, moment_s=8.0), **settings)  # type: ignore[arg-type]


def counters(busy_s: float | None = None, *, hz: float | None = None, pauses: int | None = None) -> Snapshot:
    return Snapshot(busy_s=busy_s, frequency_hz=hz, pauses=pauses)


def test_others_time_is_what_the_cores_worked_beyond_our_own() -> None:
    """Two cores for 5 s can work 10 s; they worked 9 s, 8 s of it for us: a tenth went to others."""
    found = judged(counters(100.0), counters(109.0))
    assert found.foreign_share == pytest.approx(0.1)
    assert found.noisy
    assert "10%" in found.warnings[0]


def test_a_quiet_machine_says_nothing() -> None:
    found = judged(counters(100.0, hz=3e9, pauses=4), counters(108.2, hz=2.98e9, pauses=4))
    assert not found.noisy
    assert found.throttled == 0


def test_a_wide_interval_a_falling_clock_and_pauses_are_told() -> None:
    found = judged(
        counters(0.0, hz=3e9, pauses=4), counters(8.0, hz=2.4e9, pauses=11), estimate=Estimate(value=100.0, low=90.0, high=110.0)
    )
    assert [warning.split(":")[0] for warning in found.warnings] == [
        "noisy machine",
        "the clock rate fell by 20% during the run",
        "the instances were paused 7 times by the processor's heat or the control group's quota",
    ]


def test_what_the_system_does_not_say_is_not_known() -> None:
    found = judged(counters(), counters())
    assert (found.foreign_share, found.frequency_drop, found.throttled) == (None, None, None)


def test_counters_are_read_from_the_systems_files(tmp_path: Path) -> None:
    """Ticks of cpu1 (100 a second): user 100, nice 0, system 50, idle 999, iowait 1, irq 2, softirq 3, steal 45 -> 2 s busy."""
    files = {
        "proc/stat": "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 9 9 9 9 9 9 9 9 0 0\ncpu1 100 0 50 999 1 2 3 45 77 0\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "2400000\n",
        "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "6\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert snapshot([1], tmp_path) == Snapshot(busy_s=2.0, frequency_hz=2.4e9, pauses=6)
    assert snapshot([5], tmp_path) == Snapshot(busy_s=None, frequency_hz=None, pauses=None)
