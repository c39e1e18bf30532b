"""What `import inc_metrics` costs beyond `import numpy`: the bound is 20 ms of CPU time.

Each round starts two fresh interpreters, in alternating order: one imports numpy, one imports numpy and then inc_metrics.
Two figures come out of it: what the second import took inside its process, which is judged, and the paired difference between
the two processes, which also carries the scatter of two numpy imports. The package loads its modules at first use, so the cost
of using every public name is printed beside them. Rounds that were not given a core of their own
(CPU time over wall time below 0.95) are thrown away.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from typing import Literal, NamedTuple, TypedDict

BOUND_MS = 20.0
WANTED_ROUNDS = 25
MOST_ROUNDS = 75
FEWEST_ROUNDS = 9
LEAST_CPU_SHARE = 0.95

CHILD = """
import json, sys, time
def now():
    return time.process_time(), time.perf_counter()
start = now()
import numpy
middle = now()
if sys.argv[1] == "both":
    import inc_metrics
end = now()
if sys.argv[1] == "both":
    for name in inc_metrics.__all__:
        getattr(inc_metrics, name)
used = now()
modules = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"start": start, "middle": middle, "end": end, "used": used, "modules": modules}))
"""


class Report(TypedDict):
    """What a child process prints: (CPU, wall) seconds at four moments, and the top-level modules it ended with."""

    start: tuple[float, float]
    middle: tuple[float, float]
    end: tuple[float, float]
    used: tuple[float, float]
    modules: list[str]


Moment = Literal["start", "middle", "end", "used"]


class Round(NamedTuple):
    """CPU milliseconds of one pair of processes."""

    numpy_ms: float
    both_ms: float
    added_ms: float
    used_ms: float
    cpu_share: float


class Interval(NamedTuple):
    """A median and its distribution-free 95 % confidence interval."""

    low: float
    median: float
    high: float


def main() -> int:
    """Measure, print a table and return 1 when the bound is certainly missed or a third-party module is loaded."""
    foreign = foreign_modules()
    run_child("both")  # writes the bytecode and fills the file cache
    rounds: list[Round] = []
    tried = 0
    while len(rounds) < WANTED_ROUNDS and tried < MOST_ROUNDS:
        measured = measure_round(numpy_first=tried % 2 == 0)
        tried += 1
        if measured.cpu_share >= LEAST_CPU_SHARE:
            rounds.append(measured)
    print(f"import inc_metrics: {len(rounds)} of {tried} rounds kept, CPU/wall at least {LEAST_CPU_SHARE}")
    print(f"modules beyond numpy and the standard library: {', '.join(foreign) or 'none'}")
    if len(rounds) < FEWEST_ROUNDS:
        print(f"inconclusive: fewer than {FEWEST_ROUNDS} undisturbed rounds; run it on a quieter machine")
        return 1 if foreign else 0
    added = median_interval([each.added_ms for each in rounds])
    rows = {
        "import numpy (ms)": median_interval([each.numpy_ms for each in rounds]),
        "import inc_metrics after numpy (ms)": added,
        "the same and every public name used (ms)": median_interval([each.used_ms for each in rounds]),
        "difference of the two processes (ms)": median_interval([each.both_ms - each.numpy_ms for each in rounds]),
        "inc_metrics / numpy (ratio)": median_interval([each.added_ms / each.numpy_ms for each in rounds]),
        f"inc_metrics / bound of {BOUND_MS:g} ms (ratio)": median_interval([each.added_ms / BOUND_MS for each in rounds]),
    }
    print(f"{'CPU time':<44}{'median':>10}   95 % interval")
    for label, row in rows.items():
        print(f"{label:<44}{row.median:>10.3f}   [{row.low:.3f}, {row.high:.3f}]")
    verdict = "holds" if added.high < BOUND_MS else "missed" if added.low > BOUND_MS else "inconclusive"
    print(f"bound of {BOUND_MS:g} ms: {verdict}")
    return 1 if verdict == "missed" or foreign else 0


def measure_round(*, numpy_first: bool) -> Round:
    """Run both processes once."""
    order = ("numpy", "both") if numpy_first else ("both", "numpy")
    reports = {what: run_child(what) for what in order}
    spans: list[tuple[Report, Moment]] = [(reports["numpy"], "start"), (reports["both"], "start"), (reports["both"], "middle")]
    shares = [cpu / wall for cpu, wall in (elapsed_ms(report, start, "end") for report, start in spans)]
    return Round(
        numpy_ms=elapsed_ms(reports["numpy"], "start", "end")[0],
        both_ms=elapsed_ms(reports["both"], "start", "end")[0],
        added_ms=elapsed_ms(reports["both"], "middle", "end")[0],
        used_ms=elapsed_ms(reports["both"], "middle", "used")[0],
        cpu_share=min(shares),
    )


def run_child(what: str) -> Report:
    """Start a fresh interpreter with one BLAS thread and return its clock readings."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run([sys.executable, "-c", CHILD, what], env={**os.environ, **threads}, capture_output=True, text=True, check=True)
    report: Report = json.loads(done.stdout)
    return report


def elapsed_ms(report: Report, start: Moment, end: Moment) -> tuple[float, float]:
    """Return CPU and wall milliseconds between two readings."""
    cpu, wall = (1000.0 * (after - before) for before, after in zip(report[start], report[end], strict=True))
    return cpu, wall


def foreign_modules() -> list[str]:
    """Return top-level modules that inc_metrics loads and numpy does not, other than its own and the standard library's."""
    loaded = set(run_child("both")["modules"]) - set(run_child("numpy")["modules"])
    return sorted(name for name in loaded if name != "inc_metrics" and name not in sys.stdlib_module_names)


def median_interval(values: list[float]) -> Interval:
    """Return the median with the order statistics that enclose it with at least 95 % probability (binomial, any distribution)."""
    ordered, count = sorted(values), len(values)
    below, tail = 0, 0.5**count
    while tail + math.comb(count, below + 1) * 0.5**count <= 0.025:
        below += 1
        tail += math.comb(count, below) * 0.5**count
    return Interval(ordered[below], statistics.median(ordered), ordered[count - 1 - below])


if __name__ == "__main__":
    sys.exit(main())
