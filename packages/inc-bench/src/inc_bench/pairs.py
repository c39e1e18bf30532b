"""Two models, each in instances of its own on the same processors, timed in turn."""

from __future__ import annotations

import attrs

from inc_bench.comparison import Comparison, paired
from inc_bench.instances.crew import Crew, InstanceRun
from inc_bench.instances.job import Closed, Judging
from inc_bench.machine.layout import Layout
from inc_bench.machine.topology import Topology
from inc_bench.request import Request
from inc_bench.results.statistics import cpu_seconds, throughput
from inc_bench.running import crew_for, stray_note


@attrs.frozen(kw_only=True)
class Paired:
    """Baseline and candidate: the ratio of their times per sample, and what they score where a metric was named.

    ``notes`` say what could not be done as asked.
    """

    baseline: str
    candidate: str
    comparison: Comparison
    metric: str | None = None
    baseline_accuracy: float | None = None
    candidate_accuracy: float | None = None
    batch_size: int = 1
    notes: tuple[str, ...] = ()


def compare_in_processes(
    baseline: Request, candidate: Request, layout: Layout, topology: Topology, *, judging: Judging | None = None
) -> Paired:
    """Time two models in alternating rounds; the one whose turn it is not waits.

    Single-threaded models are judged on CPU time, and a pair with a round below 0.95 CPU/wall is repeated; others on wall time.

    Raises:
        InstanceError: an instance failed; nothing is left running.
    """
    with crew_for(baseline, layout, topology) as first, crew_for(candidate, layout, topology) as second:
        comparison, stray = _compare((first, second), baseline, layout)
        accuracies = [None if judging is None else crew.score(judging) for crew in (first, second)]
        batch_size = first.batch_size
        notes = dict.fromkeys((*first.notes, *second.notes, *stray))
    return Paired(
        baseline=str(baseline.model),
        candidate=str(candidate.model),
        comparison=comparison,
        metric=None if judging is None else judging.metric.name,
        baseline_accuracy=accuracies[0],
        candidate_accuracy=accuracies[1],
        batch_size=batch_size,
        notes=tuple(notes),
    )


def _compare(crews: tuple[Crew, Crew], request: Request, layout: Layout) -> tuple[Comparison, tuple[str, ...]]:
    on_cpu = request.threads_on(layout) == 1
    load = Closed(
        calls=-(-request.calls // request.rounds) if request.calls else 0, duration_s=request.duration_s / request.rounds / 2, rounds=1
    )

    stray: dict[str, None] = {}

    def take(which: int) -> tuple[float, float]:
        taken = crews[which].run(load)
        stray.update(dict.fromkeys(stray_note(taken)))
        return _seconds(taken, crews[which].batch_size, on_cpu=on_cpu), _share(taken)

    return paired(take, rounds=request.rounds, on_cpu=on_cpu, confidence=request.confidence), tuple(stray)


def _seconds(runs: tuple[InstanceRun, ...], batch_size: int, *, on_cpu: bool) -> float:
    """Seconds per sample: of CPU per instance, or on the wall for all instances together."""
    recorded = [run.recorded for run in runs]
    if not on_cpu:
        return 1 / throughput(recorded, batch_size=batch_size, parts=1, confidence=0.95).value
    calls = sum(int((run.ends <= run.marks[-1, 0]).sum()) for run in recorded)
    return sum(cpu_seconds(run)[0] for run in recorded) / calls / batch_size


def _share(runs: tuple[InstanceRun, ...]) -> float:
    pairs = [cpu_seconds(run.recorded) for run in runs]
    return min(cpu_s / wall_s if wall_s > 0 else 0.0 for cpu_s, wall_s in pairs)
