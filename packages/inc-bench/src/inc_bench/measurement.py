"""Latency and throughput of one callable in this process."""

from __future__ import annotations

import attrs
import numpy as np
from inc_config.benchmark import BenchmarkConfig
from numpy.typing import NDArray

from inc_bench.timing import MIN_CPU_SHARE, Call, Round, calls_per_round, each_call, warm_up


@attrs.frozen(kw_only=True, eq=False)
class Measurement:
    """Latencies of single calls in seconds, shape ``(n,)``, and the rounds they were taken in; ``batch_size`` is samples per call."""

    latencies_s: NDArray[np.float64]
    rounds: tuple[Round, ...]
    batch_size: int

    @property
    def median_s(self) -> float:
        """Median latency of a call, in seconds."""
        return float(np.median(self.latencies_s))

    @property
    def mean_s(self) -> float:
        """Mean latency of a call, in seconds."""
        return float(np.mean(self.latencies_s))

    def percentile_s(self, percent: float) -> float:
        """The latency that ``percent`` (0 to 100) of the calls do not exceed, in seconds."""
        return float(np.percentile(self.latencies_s, percent))

    @property
    def throughput_per_s(self) -> float:
        """Samples per second over all rounds."""
        return self.batch_size * sum(r.calls for r in self.rounds) / sum(r.wall_s for r in self.rounds)

    @property
    def cpu_share(self) -> float:
        """CPU time over wall time over all rounds."""
        return sum(r.cpu_s for r in self.rounds) / sum(r.wall_s for r in self.rounds)

    @property
    def noisy(self) -> bool:
        """Whether most rounds were disturbed: other work took the processor from this one."""
        return sum(r.cpu_share < MIN_CPU_SHARE for r in self.rounds) > len(self.rounds) / 2


def measure(call: Call, config: BenchmarkConfig | None = None) -> Measurement:
    """Time a callable that runs one batch.

    Raises:
        EvaluationError: the call raised.
    """
    config = config or BenchmarkConfig()
    warm_up(call, config.warmup)
    calls = calls_per_round(call, iterations=config.iterations, min_round_s=config.min_round_s)
    taken = [each_call(call, calls) for _ in range(config.rounds)]
    return Measurement(
        latencies_s=np.concatenate([latencies for _, latencies in taken]),
        rounds=tuple(timed for timed, _ in taken),
        batch_size=config.batch_size,
    )
