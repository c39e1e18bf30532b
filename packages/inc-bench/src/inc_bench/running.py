"""Run a request in a layout and make a result of what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
import numpy as np

from inc_bench.instances.crew import Crew, InstanceRun, scratch_folder
from inc_bench.instances.driving import Recorded
from inc_bench.instances.job import Load, Poisson
from inc_bench.machine.layout import Layout, Placement
from inc_bench.machine.topology import Topology
from inc_bench.machine.watching import Snapshot
from inc_bench.request import SYNTHETIC, Request
from inc_bench.results.model import BenchmarkResult, InstanceResult, Mode, ServerFacts
from inc_bench.results.noise import noise
from inc_bench.results.statistics import cpu_seconds, latencies, steady_after, throughput, window
from inc_bench.surroundings import environment

MAX_DISPATCH_ERROR_S = 0.001
MAX_DISPATCH_P99_S = 0.010
MIN_ACHIEVED = 0.95


@contextmanager
def crew_for(request: Request, layout: Layout, topology: Topology) -> Iterator[Crew]:
    """Instances of a request, loaded and warm."""
    with (
        scratch_folder() as folder,
        Crew(request.jobs(layout, folder, several_nodes=len(topology.nodes) > 1), timeout_s=request.timeout_s) as crew,
    ):
        yield crew


def run_layout(request: Request, layout: Layout, topology: Topology, *, mode: Mode = Mode.OFFLINE) -> BenchmarkResult:
    """Keep every instance of a layout busy.

    Raises:
        InstanceError: an instance failed; the others were stopped.
    """
    with crew_for(request, layout, topology) as crew:
        return run_load(crew, request, layout, request.load, mode=mode)


def run_server(crew: Crew, request: Request, layout: Layout, *, rate_per_s: float) -> BenchmarkResult:
    """Let calls arrive at random at a rate, split evenly over the instances, each with a schedule of its own.

    Independent Poisson streams add up to one of the sum of their rates, and a Poisson stream that is dealt out at random falls into such
    streams: together they are what a balancer in front of the instances, which does not know their queues, would pass on.
    """
    loads = [
        Poisson(rate_per_s=rate_per_s / layout.instances, duration_s=request.duration_s, seed=request.seed + index, rounds=request.rounds)
        for index in range(layout.instances)
    ]
    return run_load(crew, request, layout, loads, mode=Mode.SERVER, rate_per_s=rate_per_s)


def run_load(
    crew: Crew, request: Request, layout: Layout, load: Load | Sequence[Load], *, mode: Mode, rate_per_s: float = 0.0
) -> BenchmarkResult:
    """One run of a waiting crew."""
    runs = crew.run(load)
    return summarise(
        attrs.evolve(request, batch_size=crew.batch_size),
        layout,
        runs,
        watched=crew.watched,
        times=tuple(zip(crew.load_s, crew.first_s, strict=True)),
        notes=crew.notes,
        mode=mode,
        rate_per_s=rate_per_s,
    )


def summarise(
    request: Request,
    layout: Layout,
    runs: Sequence[InstanceRun],
    *,
    watched: tuple[Snapshot, Snapshot],
    times: Sequence[tuple[float, float]],
    notes: Sequence[str] = (),
    mode: Mode = Mode.OFFLINE,
    rate_per_s: float = 0.0,
    watched_cores: int | None = None,
) -> BenchmarkResult:
    """The result of recorded runs.

    ``times`` are each instance's seconds until loaded and until the first output; ``watched`` counters are of ``watched_cores`` processors
    (None: those of the layout).
    """
    recorded = [run.recorded for run in runs]
    start, end = window(recorded)
    whole = throughput(recorded, batch_size=request.batch_size, parts=request.rounds, confidence=request.confidence)
    cores = watched_cores or sum(len(placement.cpus) for placement in layout.placements) or 1
    seconds = [_latencies(run, end) for run in recorded]
    return BenchmarkResult(
        model=str(request.model),
        data=request.data or (SYNTHETIC if request.loader is None else request.loader.dataset.name),
        mode=mode,
        batch_size=request.batch_size,
        layout=str(layout),
        window_s=end - start,
        throughput=whole,
        throughput_per_cpu_s=_per_cpu(recorded, request.batch_size),
        latency=latencies(np.concatenate(seconds)),
        instances=tuple(
            _instance(run, placement, request, layout, loaded=loaded, first=first, taken=taken)
            for run, placement, (loaded, first), taken in zip(runs, layout.placements, times, seconds, strict=True)
        ),
        noise=noise(*watched, own_cpu_s=sum(run.cpu_s for run in runs), cores=cores, estimate=whole),
        server=_server(recorded, rate_per_s) if rate_per_s else None,
        notes=(*layout.notes, *notes, *stray_note(runs)),
        environment=environment(request.variables(layout)),
    )


def stray_note(runs: Sequence[InstanceRun]) -> tuple[str, ...]:
    """What to say of threads that may run elsewhere than they should."""
    stray = sorted({name for run in runs for name in run.stray})
    return (f"threads left their processors: {', '.join(stray)}",) if stray else ()


def with_accuracy(result: BenchmarkResult, *, metric: str, value: float) -> BenchmarkResult:
    """The result with what the model scores."""
    return attrs.evolve(result, metric=metric, accuracy=value)


def _instance(
    run: InstanceRun,
    placement: Placement,
    request: Request,
    layout: Layout,
    *,
    loaded: float,
    first: float,
    taken: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> InstanceResult:
    cpu_s, wall_s = cpu_seconds(run.recorded)
    own = throughput([run.recorded], batch_size=request.batch_size, parts=request.rounds, confidence=request.confidence)
    service = run.recorded.ends - run.recorded.begins
    return InstanceResult(
        cpus=placement.cpus,
        node=placement.node,
        threads=request.threads_on(layout),
        throughput_per_s=own.value,
        latency=latencies(taken),
        load_s=loaded,
        first_s=first,
        rss_bytes=run.rss_bytes,
        peak_bytes=run.peak_bytes,
        cpu_utilisation=cpu_s / wall_s / max(1, len(placement.cpus)) if wall_s > 0 else 0.0,
        steady_after_s=steady_after(service, run.recorded.ends, float(run.recorded.begins[0])),
    )


def _latencies(run: Recorded, end: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if run.arrivals is not None:
        return np.asarray(run.ends - run.arrivals, np.float64)
    inside = run.ends <= end
    inside[0] = True  # a call that outlasts the window is still the only thing known
    return np.asarray((run.ends - run.begins)[inside], np.float64)


def _per_cpu(recorded: Sequence[Recorded], batch_size: int) -> float:
    """Samples per CPU second between each instance's first and last mark."""
    calls = sum(int((run.ends <= run.marks[-1, 0]).sum()) for run in recorded)
    cpu_s = sum(cpu_seconds(run)[0] for run in recorded)
    return batch_size * calls / cpu_s if cpu_s > 0 else 0.0


def _server(recorded: Sequence[Recorded], rate_per_s: float) -> ServerFacts:
    pairs = [(run, run.arrivals, run.dispatched) for run in recorded if run.arrivals is not None and run.dispatched is not None]
    errors = np.concatenate([dispatched - arrivals for _, arrivals, dispatched in pairs])
    median, p99 = (float(value) for value in np.percentile(errors, (50, 99)))
    first = min(float(arrivals[0]) for _, arrivals, _ in pairs)
    last_arrival = max(float(arrivals[-1]) for _, arrivals, _ in pairs)
    last_end = max(run.reached for run, _, _ in pairs)
    count = sum(arrivals.size for _, arrivals, _ in pairs)
    unanswered = sum(run.unanswered for run, _, _ in pairs)
    service = float(np.median(np.concatenate([run.ends - run.begins for run, _, _ in pairs])))
    return ServerFacts(
        rate_per_s=rate_per_s,
        achieved_per_s=count / max(last_end - first, 1e-9),
        dispatch_error_s=median,
        dispatch_error_p99_s=p99,
        kept_up=median < MAX_DISPATCH_ERROR_S and p99 < MAX_DISPATCH_P99_S,
        saturated=unanswered > 0 or (last_arrival - first) < MIN_ACHIEVED * (last_end - service - first),
        unanswered=unanswered,
    )
