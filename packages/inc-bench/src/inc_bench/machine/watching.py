"""What happened on the used processors beside the benchmark: others' work, clock rates, pauses."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import attrs

from inc_bench.machine.cgroup import throttled_periods
from inc_bench.machine.files import number_of, text_of
from inc_bench.machine.topology import ROOT

_TICKS_PER_S = 100  # USER_HZ, which Linux fixes for what it tells programs
_IDLE_FIELDS = (3, 4)  # idle and iowait, of: user nice system idle iowait irq softirq steal guest guest_nice
_FIELDS = 8  # guest time is part of user time


@attrs.frozen(kw_only=True)
class Snapshot:
    """Counters of processors at one moment: busy seconds (with time the hypervisor took), clock rate, pauses; None where unknown.

    ``moment_s`` is the moment, on the machine's monotonic clock.
    """

    busy_s: float | None
    frequency_hz: float | None
    pauses: int | None
    moment_s: float = attrs.field(default=0.0, eq=False)


def snapshot(cpus: Iterable[int], root: Path = ROOT) -> Snapshot:
    """Read the counters of these processors."""
    cpus = tuple(cpus)
    folders = [root / f"sys/devices/system/cpu/cpu{cpu}" for cpu in cpus]
    rates = [rate for folder in folders if (rate := number_of(folder / "cpufreq/scaling_cur_freq")) is not None]
    pauses = [count for folder in folders if (count := number_of(folder / "thermal_throttle/core_throttle_count")) is not None]
    if (periods := throttled_periods(root)) is not None:
        pauses.append(periods)
    return Snapshot(
        busy_s=_busy_s(cpus, root),
        frequency_hz=1e3 * sum(rates) / len(rates) if rates else None,
        pauses=sum(pauses) if pauses else None,
        moment_s=time.perf_counter(),
    )


def _busy_s(cpus: tuple[int, ...], root: Path) -> float | None:
    wanted = {f"cpu{cpu}" for cpu in cpus}
    found = 0.0
    for line in (text_of(root / "proc/stat") or "").splitlines():
        name, *fields = line.split()
        if name in wanted and len(fields) >= _FIELDS:
            wanted.discard(name)
            found += sum(int(value) for index, value in enumerate(fields[:_FIELDS]) if index not in _IDLE_FIELDS)
    return None if wanted else found / _TICKS_PER_S
