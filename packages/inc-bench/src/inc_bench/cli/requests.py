"""Requests from options, on top of a configuration file where one is given."""

from __future__ import annotations

import argparse

import attrs
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import IncError

from inc_bench.cli.configured import described
from inc_bench.instances.job import ModelSource
from inc_bench.instances.opening import check_source, source_of
from inc_bench.request import Request, request_from_config


class ModelNameError(IncError, ValueError):
    """What names no model."""


def request_from(options: argparse.Namespace, name: str) -> tuple[Request, int, int | None]:
    """The request for one model, the number of instances, and cores per instance (None: divided evenly).

    Raises:
        IncError: the model or the configuration cannot be read.
    """
    source = _source(options, name)
    found = described(options.config) if options.config else None
    request = Request(model=source)
    if found is not None:
        request = attrs.evolve(request_from_config(source, found.config), calls=found.calls)
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
    request = attrs.evolve(request, **{key: value for key, value in given.items() if value is not None})
    if options.duration is not None:
        request = attrs.evolve(request, calls=0)
    if options.data is not None:
        request = attrs.evolve(request, loader=None)
    config = BenchmarkConfig() if found is None else found.config
    return request, options.instances or config.instances, options.cores_per_instance or config.cores_per_instance


def _source(options: argparse.Namespace, name: str) -> ModelSource:
    source = source_of(name, architecture=options.architecture)
    if source is None:
        raise ModelNameError(f"{name!r} names no model.", where="command line", fix="name a model file, a saved folder or module:function")
    check_source(source)
    return source
