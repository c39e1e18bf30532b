"""Judge what disturbed a run."""

from __future__ import annotations

from inc_bench.machine.watching import Snapshot
from inc_bench.results.model import Estimate, Noise

MAX_FOREIGN_SHARE = 0.05
"""Other processes' share of the used cores' time from which figures are called noisy."""

MAX_SPREAD = 0.05
"""Half-width of the throughput's interval over its value from which figures are called noisy."""

MAX_FREQUENCY_DROP = 0.05


def noise(before: Snapshot, after: Snapshot, *, own_cpu_s: float, cores: int, estimate: Estimate) -> Noise:
    """Compare counters of the used cores before and after with what the instances themselves used of them."""
    foreign = _foreign(before, after, own_cpu_s, (after.moment_s - before.moment_s) * cores)
    drop = None
    if before.frequency_hz and after.frequency_hz:
        drop = max(0.0, 1 - after.frequency_hz / before.frequency_hz)
    throttled = None if before.pauses is None or after.pauses is None else after.pauses - before.pauses
    warnings = []
    if foreign is not None and foreign > MAX_FOREIGN_SHARE:
        warnings.append(f"noisy machine: other processes took {foreign:.0%} of the used cores' time")
    if estimate.spread is not None and estimate.spread > MAX_SPREAD:
        warnings.append(f"noisy machine: the throughput is known within {estimate.spread:.0%} only")
    if drop is not None and drop > MAX_FREQUENCY_DROP:
        warnings.append(f"the clock rate fell by {drop:.0%} during the run")
    if throttled:
        warnings.append(f"the instances were paused {throttled} times by the processor's heat or the control group's quota")
    return Noise(foreign_share=foreign, frequency_hz=after.frequency_hz, frequency_drop=drop, throttled=throttled, warnings=tuple(warnings))


def _foreign(before: Snapshot, after: Snapshot, own_cpu_s: float, capacity_s: float) -> float | None:
    if before.busy_s is None or after.busy_s is None or capacity_s <= 0:
        return None
    return min(1.0, max(0.0, (after.busy_s - before.busy_s - own_cpu_s) / capacity_s))
