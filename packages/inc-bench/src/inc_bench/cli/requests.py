"""Requests from options, on top of a configuration file where one is given."""

from __future__ import annotations

import argparse

import attrs
from inc_config.benchmark import BenchmarkConfig

from inc_bench.cli.configured import Described, described
from inc_bench.cli.rules import UsageError
from inc_bench.instances.job import Judging, ModelSource, SourceKind
from inc_bench.instances.opening import check_source, source_named
from inc_bench.instances.reading import check_data
from inc_bench.instances.scoring import check_metric
from inc_bench.request import Request, request_from_config
from inc_bench.results.model import Mode


@attrs.frozen(kw_only=True)
class Asked:
    """What options and file ask for: a request per model, and for all of them instances, cores (None: divided evenly), and judging."""

    requests: tuple[Request, ...]
    instances: int
    cores: int | None
    judging: Judging | None
    higher_is_better: bool
    notes: tuple[str, ...]


def asked_for(options: argparse.Namespace, names: list[str]) -> Asked:
    """Everything that is asked, with models and data looked for.

    Raises:
        IncError: a model, the data or the configuration cannot be read, or there is no data to judge on.
        MetricValueError, MetricTypeError: no such metric.
    """
    found = described(options.config) if options.config else Described(config=BenchmarkConfig(), calls=0)
    sources = [_source(options, name) for name in names]
    if options.architecture and all(source.kind is not SourceKind.SAVED for source in sources):
        raise UsageError("Only a saved folder needs an architecture.", where=f"--architecture, {', '.join(names)}", fix="leave it out")
    instances = options.instances or found.config.instances
    if options.mode is Mode.SINGLE_STREAM and instances > 1:
        raise UsageError("A single stream has one instance.", where=f"instances in {options.config}", fix="give --instances 1")
    judging = _judging(options, found.judging)
    if options.data:
        check_data(options.data, labels=judging is not None and judging.data == options.data)
    return Asked(
        requests=tuple(_request(options, found, source) for source in sources),
        instances=instances,
        cores=options.cores_per_instance or found.config.cores_per_instance,
        judging=judging,
        higher_is_better=True if judging is None else check_metric(judging),
        notes=found.notes,
    )


def _judging(options: argparse.Namespace, described: Judging | None) -> Judging | None:
    """The metric of the command line on its data or the file's, or all as the file says."""
    if options.metric and options.data:
        return Judging(metric=options.metric, data=options.data)
    if not (options.metric or options.accuracy):
        return None
    if described is not None and described.loader is None and options.data:
        return attrs.evolve(described, data=options.data)
    if described is None or described.loader is None:
        where = "--metric" if options.metric else f"--accuracy, {options.config}"
        raise UsageError("Accuracy needs data with labels.", where=where, fix="give --data, or evaluation with its data in --config")
    return attrs.evolve(described, metric=options.metric, higher_is_better=None) if options.metric else described


def _request(options: argparse.Namespace, found: Described, source: ModelSource) -> Request:
    given = {
        "data": options.data,
        "batch_size": options.batch_size[0] if options.batch_size else None,
        "warmup": options.warmup,
        "calls": options.iterations,
        "duration_s": options.duration,
        "threads": options.threads,
        "inter_op_threads": options.inter_op_threads,
        "seed": options.seed,
        "timeout_s": options.timeout,
    }
    request = Request(model=source)
    if options.config:
        request = attrs.evolve(request_from_config(source, found.config), calls=found.calls)
    request = attrs.evolve(request, **{key: value for key, value in given.items() if value is not None})
    if options.duration is not None:
        request = attrs.evolve(request, calls=0)
    if options.data is not None:
        request = attrs.evolve(request, loader=None)
    return request


def _source(options: argparse.Namespace, name: str) -> ModelSource:
    source = source_named(name, architecture=options.architecture)
    check_source(source)
    return source
