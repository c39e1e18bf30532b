"""The result of a benchmark as data; SCHEMA.md in the package's folder says what each field of its JSON means."""

from __future__ import annotations

import attrs
from inc_config.fields import Choice

from inc_bench.surroundings import Environment

FORMAT = 1
"""Raised when a field changes its meaning or goes away; new fields do not raise it."""


class Mode(Choice):
    """``OFFLINE`` keeps every instance busy, ``SERVER`` answers random arrivals, ``SINGLE_STREAM`` has one call in flight on all cores."""

    OFFLINE = "offline"
    SERVER = "server"
    SINGLE_STREAM = "single-stream"


@attrs.frozen(kw_only=True)
class Latencies:
    """Seconds per call over ``count`` calls. In server mode they start with the arrival, and so hold the wait for earlier calls."""

    count: int
    mean_s: float
    median_s: float
    p90_s: float
    p99_s: float
    max_s: float


@attrs.frozen(kw_only=True)
class Estimate:
    """A figure with its interval; the bounds are None where too few parts were measured to give one."""

    value: float
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95

    @property
    def spread(self) -> float | None:
        """Half the interval's width over the value."""
        return None if self.low is None or self.high is None or not self.value else (self.high - self.low) / 2 / self.value


@attrs.frozen(kw_only=True)
class InstanceResult:
    """One instance.

    ``load_s`` and ``first_s`` are seconds from the process' start until the model was loaded and until its first output;
    ``cpu_utilisation`` is CPU time over wall time and cores; ``steady_after_s`` is when calls stopped getting faster or slower (None: they
    did not).
    """

    cpus: tuple[int, ...]
    node: int | None
    threads: int
    throughput_per_s: float
    latency: Latencies
    load_s: float
    first_s: float
    rss_bytes: int
    peak_bytes: int
    cpu_utilisation: float
    steady_after_s: float | None


@attrs.frozen(kw_only=True)
class Noise:
    """What disturbed the run, None where the system does not say.

    ``foreign_share`` is the share of the used cores' time that other processes took; ``frequency_hz`` the cores' mean clock rate at the
    end, ``frequency_drop`` how much lower it was than at the start; ``throttled`` counts pauses by the processor's heat or the control
    group's quota. ``warnings`` say what of this matters.
    """

    foreign_share: float | None = None
    frequency_hz: float | None = None
    frequency_drop: float | None = None
    throttled: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def noisy(self) -> bool:
        """Whether the figures should not be relied upon."""
        return bool(self.warnings)


@attrs.frozen(kw_only=True)
class ServerFacts:
    """How the schedule of random arrivals was kept.

    ``dispatch_error_s`` is the median delay between a scheduled arrival and its dispatch, ``dispatch_error_p99_s`` its 99th percentile;
    ``kept_up`` is false when the generator itself was too late; ``saturated`` when calls ended more slowly than they arrived;
    ``unanswered`` counts those that still waited at twice the duration, which are in no other figure.
    """

    rate_per_s: float
    achieved_per_s: float
    dispatch_error_s: float
    dispatch_error_p99_s: float
    kept_up: bool
    saturated: bool
    unanswered: int = 0


@attrs.frozen(kw_only=True)
class BenchmarkResult:
    """Figures of one model in one layout; ``throughput`` is in samples per second, ``throughput_per_cpu_s`` in samples per CPU second."""

    format: int = FORMAT
    model: str
    data: str
    mode: Mode = attrs.field(converter=Mode)
    batch_size: int
    layout: str
    window_s: float
    throughput: Estimate
    throughput_per_cpu_s: float
    latency: Latencies
    instances: tuple[InstanceResult, ...]
    noise: Noise
    server: ServerFacts | None = None
    notes: tuple[str, ...] = ()
    accuracy: float | None = None
    metric: str | None = None
    environment: Environment

    @property
    def throughput_per_s(self) -> float:
        """Samples per second of all instances."""
        return self.throughput.value

    @property
    def median_s(self) -> float:
        """Median latency of a call, in seconds."""
        return self.latency.median_s

    @property
    def mean_s(self) -> float:
        """Mean latency of a call, in seconds."""
        return self.latency.mean_s

    @property
    def peak_bytes(self) -> int:
        """Peak memory of all instances; what they share (libraries' code) is counted in each."""
        return sum(instance.peak_bytes for instance in self.instances)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything a reader should know before using the figures."""
        unsteady = sum(instance.steady_after_s is None for instance in self.instances)
        parts = [*self.noise.warnings, *self.notes]
        if unsteady:
            parts.append(f"{unsteady} of {len(self.instances)} instances did not reach a steady speed: give a longer warm-up or duration")
        if self.server is not None and not self.server.kept_up:
            parts.append(
                f"the load generator could not keep up (median dispatch error {self.server.dispatch_error_s * 1e3:.2f} ms): "
                "latencies are not those of the asked rate"
            )
        if self.server is not None and self.server.saturated:
            left = f", and {self.server.unanswered} were left unanswered" if self.server.unanswered else ""
            parts.append(f"calls arrived faster than they could be answered: latencies grow with the duration{left}")
        return tuple(parts)
