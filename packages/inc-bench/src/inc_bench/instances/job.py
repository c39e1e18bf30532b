"""What an instance is told: plain data that travels as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from inc_config.data import LoaderConfig
from inc_config.fields import Choice
from inc_config.named import Named, as_named


class SourceKind(Choice):
    """How a model is named: a model file, a folder written by ``save``, or a function that makes it."""

    PATH = "path"
    SAVED = "saved"
    TARGET = "target"


@attrs.frozen(kw_only=True)
class ModelSource:
    """A model that another process can open.

    ``architecture`` (``module:function``) makes the fresh model that a saved folder is loaded into.
    """

    kind: SourceKind
    name: str
    architecture: str | None = None

    def __str__(self) -> str:
        return self.name


@attrs.frozen(kw_only=True)
class Job:
    """One instance: its model and data, where it runs, and how its framework is set.

    ``cpus`` empty does not pin; ``bind_node`` is the memory node to take memory from. ``data`` names a file or ``module:function``,
    ``loader`` describes data; without both inputs are made up. ``batch_size`` 1 takes the model's own where it takes one size only.
    ``folder`` is where it writes its times; ``variables`` are environment variables.
    """

    model: ModelSource
    data: str | None = None
    loader: LoaderConfig | None = None
    batch_size: int = 1
    warmup: int = 5
    threads: int = 1
    inter_op_threads: int | None = None
    seed: int = 0
    cpus: tuple[int, ...] = ()
    bind_node: int | None = None
    folder: Path
    variables: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Judging:
    """A metric and the labelled data it judges on: ``data`` names it, or ``loader`` describes it.

    ``postprocess`` are transforms of outputs and labels; ``batches`` None reads all data; ``higher_is_better`` None is as the metric says.
    """

    metric: Named = attrs.field(converter=as_named)
    data: str | None = None
    loader: LoaderConfig | None = None
    postprocess: tuple[Named, ...] = ()
    batches: int | None = None
    higher_is_better: bool | None = None


@attrs.frozen(kw_only=True)
class Closed:
    """The next call starts when the last one ended: ``calls`` of them, or for ``duration_s`` seconds where ``calls`` is 0.

    CPU time is noted ``rounds`` times in equal parts.
    """

    calls: int = 0
    duration_s: float = 1.0
    rounds: int = 15


@attrs.frozen(kw_only=True)
class Poisson:
    """Calls arrive at random, whether or not earlier ones have ended.

    ``rate_per_s`` of them on average, for ``duration_s`` seconds, drawn from ``seed``.
    """

    rate_per_s: float
    duration_s: float
    seed: int = 0
    rounds: int = 15


Load = Closed | Poisson


def thread_variables(threads: int, *, blocktime: int | None = None, affinity: str | None = None) -> dict[str, str]:
    """Environment variables that set the thread pools of numerical libraries, which read them when they are loaded."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    extra: dict[str, Any] = {"KMP_BLOCKTIME": blocktime, "KMP_AFFINITY": affinity}
    return dict.fromkeys(names, count) | {name: str(value) for name, value in extra.items() if value is not None}
