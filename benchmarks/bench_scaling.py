"""Two pinned instances of a compute-bound model on two cores against one on one core.

Bound: at least 1.7 times the work. Rounds of one and of two instances alternate; twice the work per CPU second of two over that of one is
compared, because a busy machine gives instances less time but must not make them waste it. The ratio of wall-clock throughputs is printed
beside it. The bound holds when the whole 95 % interval lies above it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from inc_bench.instances.crew import Crew, scratch_folder
from inc_bench.instances.job import Closed, Job, ModelSource, SourceKind, thread_variables
from inc_bench.intervals import ratio_interval
from inc_bench.machine import plan_layout, read_topology
from inc_bench.machine.layout import LayoutError
from inc_bench.results.statistics import cpu_seconds, throughput

PAIRS = 12
BOUND = 1.7
LOAD = Closed(duration_s=0.3, rounds=3)


def worker() -> object:
    """A call of half a millisecond, for instances to import."""

    def work() -> int:
        total = 0
        for value in range(10_000):
            total += value
        return total

    return work


def main() -> int:
    """Measure, print, and return 1 where the bound is not certain to hold."""
    try:
        layout = plan_layout(read_topology(), instances=2, cores_per_instance=1)
    except LayoutError as error:
        print(error)
        return 1
    source = ModelSource(kind=SourceKind.TARGET, name="bench_scaling:worker")
    with scratch_folder() as folder:
        variables = {**thread_variables(1), "PYTHONPATH": str(Path(__file__).parent)}
        jobs = [Job(model=source, folder=folder, cpus=place.cpus, variables=variables) for place in layout.placements]
        with Crew(jobs[:1]) as one, Crew(jobs) as two:
            found = [(measured(one), measured(two)) for _ in range(PAIRS)]
    on_cpu = np.array([2 * pair[1][0] / pair[0][0] for pair in found])
    on_wall = np.array([pair[1][1] / pair[0][1] for pair in found])
    ratio, low, high = ratio_interval(on_cpu, confidence=0.95)
    verdict = "holds" if low >= BOUND else "missed" if high < BOUND else "inconclusive"
    print(f"two instances do {ratio:.2f}x [{low:.2f}, {high:.2f}] the work of one, by CPU time; bound {BOUND:g}  {verdict}")
    print("two instances do {:.2f}x [{:.2f}, {:.2f}] the work of one, by the wall clock".format(*ratio_interval(on_wall, confidence=0.95)))
    return int(low < BOUND)


def measured(crew: Crew) -> tuple[float, float]:
    """Calls per CPU second, and per second of the wall clock."""
    runs = [run.recorded for run in crew.run(LOAD)]
    calls = sum(int((run.ends <= run.marks[-1, 0]).sum()) for run in runs)
    cpu_s = sum(cpu_seconds(run)[0] for run in runs)
    return calls / cpu_s, throughput(runs, batch_size=1, parts=1, confidence=0.95).value


if __name__ == "__main__":
    sys.exit(main())
