"""What a user can ask of a benchmark."""

from __future__ import annotations

import attrs

from inc_config.data import LoaderConfig
from inc_config.fields import as_float, number, optional, whole


@attrs.frozen(kw_only=True)
class BenchmarkConfig:
    """How a model is timed.

    ``rounds`` repeats of ``iterations`` calls each, after ``warmup`` calls; ``iterations`` 0 chooses as many as fill ``min_round_s``
    seconds. ``threads`` is the number of framework threads per instance (claims are made with 1). ``confidence`` is the level of intervals.
    ``instances`` run side by side on ``cores_per_instance`` cores each (None: the physical cores, divided evenly). ``data`` None times
    the calibration batches.
    """

    batch_size: int = attrs.field(default=1, validator=whole(minimum=1))
    warmup: int = attrs.field(default=5, validator=whole(minimum=0))
    iterations: int = attrs.field(default=0, validator=whole(minimum=0))
    rounds: int = attrs.field(default=15, validator=whole(minimum=3))
    min_round_s: float = attrs.field(default=0.05, converter=as_float, validator=number(above=0.0))
    threads: int = attrs.field(default=1, validator=whole(minimum=1))
    confidence: float = attrs.field(default=0.95, converter=as_float, validator=number(above=0.5, below=1.0))
    seed: int = attrs.field(default=0, validator=whole(minimum=0))
    instances: int = attrs.field(default=1, validator=whole(minimum=1))
    cores_per_instance: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    inter_op_threads: int | None = attrs.field(default=None, validator=optional(whole(minimum=1)))
    kmp_blocktime: int | None = attrs.field(default=None, validator=optional(whole(minimum=0)))
    kmp_affinity: str | None = None
    data: LoaderConfig | None = None
