"""Server mode: the highest rate of random arrivals that keeps the 99th percentile of latency under a bound."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from inc_config.errors import IncError

from inc_bench.machine.layout import Layout
from inc_bench.machine.topology import Topology
from inc_bench.request import Request
from inc_bench.results.model import BenchmarkResult, Mode
from inc_bench.running import crew_for, run_load, run_server

RESOLUTION = 0.03
"""The search ends when the rate is known within this share of the machine's capacity."""


MIN_ARRIVALS = 20
"""Fewer expected arrivals per instance tell nothing of a 99th percentile, and may by chance be none at all."""

MAX_ARRIVALS = 1_000_000
"""Times of more calls per instance are not kept."""


class RateError(IncError, ValueError):
    """A bound that no rate can keep."""


@attrs.frozen(kw_only=True)
class RateSearch:
    """The best rate's result, the rates that were tried in order, and what limits it."""

    best: BenchmarkResult
    tried: tuple[BenchmarkResult, ...]
    limited_by: str


def serve_at(request: Request, layout: Layout, topology: Topology, *, rate_per_s: float) -> BenchmarkResult:
    """Latencies of calls that arrive at one rate (of calls, not samples).

    Raises:
        RateError: too few calls would arrive, or too many.
        InstanceError: an instance failed; nothing is left running.
    """
    _check_arrivals(request, layout, rate_per_s)
    with crew_for(request, layout, topology) as crew:
        return run_server(crew, request, layout, rate_per_s=rate_per_s)


def highest_rate(
    request: Request, layout: Layout, topology: Topology, *, p99_s: float, on_result: Callable[[BenchmarkResult], None] = lambda _: None
) -> RateSearch:
    """Find the highest rate by bisection between nothing and what the instances can do when they are never idle.

    Raises:
        RateError: single calls without waiting already take longer than the bound, or too few calls would arrive.
        InstanceError: an instance failed; nothing is left running.
    """
    with crew_for(request, layout, topology) as crew:
        busy = run_load(crew, request, layout, request.load, mode=Mode.OFFLINE)
        if busy.latency.median_s > p99_s:
            raise RateError(
                f"No rate keeps the 99th percentile under {p99_s * 1e3:g} ms: a call alone takes {busy.latency.median_s * 1e3:.3g} ms.",
                where=f"layout {layout}, batch size {request.batch_size}",
                fix="give a larger bound, more cores per instance, or a smaller batch",
            )
        capacity = min(busy.throughput.value / busy.batch_size, MAX_ARRIVALS * layout.instances / request.duration_s)
        _check_arrivals(request, layout, capacity / 2)
        low, high, tried, best = 0.0, capacity, [], None
        limited_by = "the machine's capacity"
        while high - low > RESOLUTION * capacity:
            rate = (low + high) / 2
            if _arrivals(request, layout, rate) < MIN_ARRIVALS:
                break
            result = run_server(crew, request, layout, rate_per_s=rate)
            on_result(result)
            tried.append(result)
            facts = result.server
            kept_up = facts is not None and facts.kept_up and not facts.saturated
            if kept_up and result.latency.p99_s <= p99_s:
                low, best = rate, result
                continue
            high = rate
            limited_by = _limit(result, p99_s)
    if best is None:
        raise RateError(
            f"No rate that was tried kept the 99th percentile under {p99_s * 1e3:g} ms (the lowest: {high:.3g} calls a second).",
            where=f"layout {layout}, batch size {request.batch_size}; limited by {limited_by}",
            fix="give a larger bound, or a longer --duration so that single disturbances weigh less",
        )
    return RateSearch(best=best, tried=tuple(tried), limited_by=limited_by)


def _check_arrivals(request: Request, layout: Layout, rate_per_s: float) -> None:
    count, where = _arrivals(request, layout, rate_per_s), f"{request.duration_s:g} s, {layout.instances} instances"
    if count > MAX_ARRIVALS:
        raise RateError(
            f"At {rate_per_s:g} calls a second more than {MAX_ARRIVALS:,} calls would arrive at an instance.",
            where=where,
            fix="give a shorter --duration or a lower --rate",
        )
    if count < MIN_ARRIVALS:
        raise RateError(
            f"At {rate_per_s:.3g} calls a second too few calls would arrive to measure.",
            where=where,
            fix=f"give a longer --duration or a higher --rate: at least {MIN_ARRIVALS} arrivals per instance",
        )


def _limit(result: BenchmarkResult, p99_s: float) -> str:
    """What was in the way of a rate."""
    if result.server is not None and not result.server.kept_up:
        return "the load generator, which was late"
    return f"the bound of {p99_s * 1e3:g} ms" if result.latency.p99_s > p99_s else "the machine's capacity"


def _arrivals(request: Request, layout: Layout, rate_per_s: float) -> float:
    return rate_per_s * request.duration_s / layout.instances
