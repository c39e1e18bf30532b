"""Benchmark a model: a path, a saved folder, a function that makes it, or a live object of any framework that has an adaptor."""

from __future__ import annotations

import os
import time
from typing import Any

import attrs
from inc_adaptors.batches import batch_size
from inc_config.benchmark import BenchmarkConfig
from inc_config.data import LoaderConfig
from inc_config.errors import DataError, StepError

from inc_bench.comparison import Comparison, compare
from inc_bench.instances.calls import Call, bound_call
from inc_bench.instances.crew import InstanceRun, scratch_folder
from inc_bench.instances.driving import Progress, drive
from inc_bench.instances.inputs import batches_for, size_for
from inc_bench.instances.job import Closed, ModelSource, SourceKind
from inc_bench.instances.memory import memory_bytes
from inc_bench.instances.opening import Opened, check_source, open_model, source_of
from inc_bench.instances.reading import check_data
from inc_bench.machine.layout import Layout, Placement, plan_layout
from inc_bench.machine.topology import read_topology
from inc_bench.machine.watching import snapshot
from inc_bench.request import Request, asked_batch_size, request_of
from inc_bench.results.model import BenchmarkResult
from inc_bench.running import run_layout, summarise
from inc_bench.timing import warm_up

GIVEN = "given"
"""What a result calls data that has no name."""


def benchmark(model: Any, config: BenchmarkConfig | None = None, data: Any = None, *, architecture: str | None = None) -> BenchmarkResult:
    """Latency and throughput of one model.

    What can be named to another process (a path, a saved folder, ``module:function``) runs in pinned instances of its own; a live object
    runs here, in one instance.

    Args:
        model: a path, ``module:function`` that returns a model or a function to time, or a native model.
        config: instances, cores, rounds, threads and batch size. ``threads=1``, the default, takes one per core of a pinned instance.
        data: one batch of inputs, a ``.npy`` or ``.npz`` file, or ``module:function``; made up from the model's signature when missing.
        architecture: ``module:function`` that makes the fresh model a saved folder is loaded into.

    Raises:
        StepError: several instances of a live object.
        LayoutError: more instances than cores; says what fits.
        ModelError, StoreError, DataError: there is no such model or data.
        InstanceError: an instance failed; nothing is left running.
    """
    config = config or BenchmarkConfig()
    source = source_of(model, architecture=architecture)
    if source is None:
        return _here(model, config, data)
    check_source(source)
    if isinstance(data, str | os.PathLike):
        check_data(os.fspath(data))
    topology = read_topology()
    layout = plan_layout(topology, instances=config.instances, cores_per_instance=config.cores_per_instance)
    with scratch_folder() as folder:
        result = run_layout(request_of(source, config, data, folder), layout, topology)
    return result if data is None or isinstance(data, str | os.PathLike) else attrs.evolve(result, data=GIVEN)


def compare_models(baseline: Any, candidate: Any, config: BenchmarkConfig | None = None, data: Any = None) -> Comparison:
    """How many times faster ``candidate`` is than ``baseline`` on the same inputs, paired and interleaved, in this process.

    Raises:
        DataError: the models take batches of different sizes.
    """
    config = config or BenchmarkConfig()
    models = [open_model(model) for model in (baseline, candidate)]
    sizes = [_size(opened, config, data) for opened in models]
    if len(set(sizes)) > 1:
        raise DataError(
            f"The models take batches of {sizes[0]} and of {sizes[1]}.", where="model signatures", fix="export both for one batch size"
        )
    first, second = (_call(opened, config, data) for opened in models)
    return compare(first, second, config)


def _here(model: Any, config: BenchmarkConfig, data: Any) -> BenchmarkResult:
    if config.instances > 1 or config.cores_per_instance is not None:
        raise StepError(
            f"A live {type(model).__name__} cannot be handed to other processes: it is benchmarked in this one only.",
            where=f"instances={config.instances}, cores_per_instance={config.cores_per_instance}",
            fix="name it instead: the path of a model file or saved folder, or 'module:function' of a function that makes it",
        )
    started = time.time()
    opened = open_model(model)
    call = _call(opened, config, data)
    loaded = time.time()
    warm_up(call, 1)
    first = time.time()
    if config.warmup:
        warm_up(call, config.warmup)
    size = _size(opened, config, data)
    request = Request(
        model=ModelSource(kind=SourceKind.TARGET, name=type(model).__name__),
        data=None if data is None else os.fspath(data) if isinstance(data, str | os.PathLike) else GIVEN,
        loader=config.data if data is None else None,
        batch_size=size,
        calls=config.iterations * config.rounds,
        duration_s=config.rounds * config.min_round_s,
        rounds=config.rounds,
        threads=config.threads,
        confidence=config.confidence,
    )
    topology = read_topology()
    layout = Layout(
        placements=(Placement(cpus=tuple(cpu.number for cpu in topology.cpus[: config.threads])),), notes=("one live object, not pinned",)
    )
    # Where the threads run is not known, so that others' work is counted on every processor this process may use.
    everywhere = tuple(cpu.number for cpu in topology.cpus)
    before = snapshot(everywhere)
    run = _timed(call, request.load)
    watched = (before, snapshot(everywhere))
    return summarise(request, layout, [run], watched=watched, watched_cores=len(everywhere), times=[(loaded - started, first - started)])


def _size(opened: Opened, config: BenchmarkConfig, data: Any) -> int:
    """Samples per call: of the batch that was given, or as asked."""
    if data is not None and not isinstance(data, str | os.PathLike):
        return batch_size(data)
    asked = asked_batch_size(config)
    return asked if opened.handle is None else size_for(opened.handle.signature, asked)


def _timed(call: Call, load: Closed) -> InstanceRun:
    progress = Progress()
    progress.stop.set()
    before = time.process_time()
    recorded = drive(call, load, start=time.perf_counter(), progress=progress)
    cpu_s = time.process_time() - before
    rss, peak = memory_bytes()
    return InstanceRun(recorded=recorded, cpu_s=cpu_s, rss_bytes=rss, peak_bytes=peak, threads=0, stray=())


def _call(opened: Opened, config: BenchmarkConfig, data: Any) -> Call:
    if opened.handle is None:
        return bound_call(opened, ())
    signature = opened.handle.signature
    named = os.fspath(data) if isinstance(data, os.PathLike) else config.data if data is None else data
    if named is None or isinstance(named, str | LoaderConfig):
        batches = batches_for(named, signature, batch_size=_size(opened, config, data), seed=config.seed)
    else:
        batches = [data]
    return bound_call(opened, batches, threads=config.threads, inter_op_threads=config.inter_op_threads)
