"""What is asked of a benchmark, and the jobs that instances get for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from inc_adaptors.batches import batch_size as size_of
from inc_adaptors.batches import to_numpy
from inc_config.benchmark import BenchmarkConfig
from inc_config.data import LoaderConfig
from inc_config.errors import DataError
from inc_config.fields import as_float, number, optional, whole

from inc_bench.instances.job import Closed, Job, ModelSource, thread_variables
from inc_bench.machine.layout import Layout

SYNTHETIC = "synthetic"
TIMEOUT_S = 300.0


@attrs.frozen(kw_only=True)
class Request:
    """A model in another process, its data, and how long and how it runs.

    ``threads`` None takes one per core of the instance; ``calls`` 0 runs for ``duration_s`` seconds. ``data`` names a file or
    ``module:function``, ``loader`` describes data as configurations do; without both, inputs are made up.
    """

    model: ModelSource
    data: str | None = None
    loader: LoaderConfig | None = None
    batch_size: int = attrs.field(default=1, validator=whole(minimum=1))
    warmup: int = attrs.field(default=5, validator=whole(minimum=0))
    calls: int = attrs.field(default=0, validator=whole(minimum=0))
    duration_s: float = attrs.field(default=3.0, converter=as_float, validator=number(above=0.0))
    rounds: int = attrs.field(default=15, validator=whole(minimum=1))
    threads: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    inter_op_threads: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    kmp_blocktime: int | None = None
    kmp_affinity: str | None = None
    confidence: float = 0.95
    seed: int = 0
    timeout_s: float = attrs.field(default=TIMEOUT_S, converter=as_float, validator=number(above=0.0))

    @property
    def load(self) -> Closed:
        """The load that keeps an instance busy."""
        return Closed(calls=self.calls, duration_s=self.duration_s, rounds=self.rounds)

    def threads_on(self, layout: Layout) -> int:
        """Framework threads of each instance."""
        return self.threads or layout.cores

    def variables(self, layout: Layout) -> dict[str, str]:
        """Environment variables of each instance."""
        return thread_variables(self.threads_on(layout), blocktime=self.kmp_blocktime, affinity=self.kmp_affinity)

    def jobs(self, layout: Layout, folder: Path, *, several_nodes: bool) -> tuple[Job, ...]:
        """One job per instance of a layout; on a machine of one memory node there is nothing to bind."""
        return tuple(
            Job(
                model=self.model,
                data=self.data,
                loader=self.loader,
                batch_size=self.batch_size,
                warmup=self.warmup,
                threads=self.threads_on(layout),
                inter_op_threads=self.inter_op_threads,
                seed=self.seed + index,
                cpus=placement.cpus,
                bind_node=placement.node if several_nodes else None,
                folder=folder,
                variables=self.variables(layout),
            )
            for index, placement in enumerate(layout.placements)
        )


def asked_batch_size(config: BenchmarkConfig) -> int:
    """Samples per call; 1, the configuration's default, takes that of ``data``."""
    return config.data.batch_size if config.data is not None and config.batch_size == 1 else config.batch_size


def request_from_config(model: ModelSource, config: BenchmarkConfig) -> Request:
    """The request that a configuration makes.

    ``threads=1``, the configuration's default, takes one thread per core of the instance.
    """
    return Request(
        model=model,
        loader=config.data,
        batch_size=asked_batch_size(config),
        warmup=config.warmup,
        calls=config.iterations * config.rounds,
        duration_s=config.rounds * config.min_round_s,
        rounds=config.rounds,
        threads=None if config.threads == 1 else config.threads,
        inter_op_threads=config.inter_op_threads,
        kmp_blocktime=config.kmp_blocktime,
        kmp_affinity=config.kmp_affinity,
        confidence=config.confidence,
        seed=config.seed,
    )


def request_of(model: ModelSource, config: BenchmarkConfig, data: Any, folder: Path) -> Request:
    """The request of a configuration and data; arrays are handed over in a file in ``folder``."""
    request = request_from_config(model, config)
    if data is None:
        return request
    if isinstance(data, str | os.PathLike):
        return attrs.evolve(request, data=os.fspath(data), loader=None)
    return attrs.evolve(request, data=_stored(data, folder), loader=None, batch_size=size_of(data))


def _stored(data: Any, folder: Path) -> str:
    if isinstance(data, Mapping):
        arrays = {str(name): to_numpy(value) for name, value in data.items()}
    elif isinstance(data, tuple | list):
        arrays = {str(index): to_numpy(value) for index, value in enumerate(data)}
    elif hasattr(data, "shape"):
        arrays = {"0": to_numpy(data)}
    else:
        raise DataError(
            f"Data of type {type(data).__name__} cannot be handed to another process.",
            where="data",
            fix="give one batch of arrays, or name data by a file or module:function",
        )
    path = folder / "data.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]  # the names are the arrays' keys
    return str(path)
