"""Try the sensible layouts and several batch sizes, and say which is best for what."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from inc_bench.instances.failing import InstanceError
from inc_bench.instances.inputs import BatchSizeError
from inc_bench.machine.layout import Layout, sensible_layouts
from inc_bench.machine.topology import Topology
from inc_bench.request import Request
from inc_bench.results.model import BenchmarkResult
from inc_bench.running import run_layout


@attrs.frozen(kw_only=True)
class Sweep:
    """Results of all layouts and batch sizes that were tried."""

    results: tuple[BenchmarkResult, ...]

    @property
    def best_throughput(self) -> BenchmarkResult:
        """The most samples per second."""
        return max(self.results, key=lambda result: result.throughput.value)

    @property
    def best_latency(self) -> BenchmarkResult:
        """The lowest median latency of a call."""
        return min(self.results, key=lambda result: result.latency.median_s)

    @property
    def clear(self) -> bool:
        """Whether the best throughput's interval lies above every other's."""
        best = self.best_throughput
        others = [result for result in self.results if result is not best]
        low = best.throughput.low
        return low is not None and all(other.throughput.high is not None and other.throughput.high < low for other in others)


def sweep(
    request: Request,
    topology: Topology,
    *,
    batch_sizes: Sequence[int],
    layouts: Sequence[Layout] | None = None,
    on_result: Callable[[BenchmarkResult], None] = lambda _: None,
    on_skip: Callable[[str], None] = lambda _: None,
) -> Sweep:
    """Run every layout with every batch size, one after the other; sizes that model or data do not have are left out.

    Raises:
        InstanceError: an instance failed, or no batch size is left; nothing is left running.
    """
    results = []
    sizes = list(batch_sizes)
    for layout in sensible_layouts(topology) if layouts is None else layouts:
        for batch_size in tuple(sizes):
            try:
                result = run_layout(attrs.evolve(request, batch_size=batch_size), layout, topology)
            except InstanceError as error:
                if error.kind != BatchSizeError.__name__ or len(sizes) == 1:
                    raise
                sizes.remove(batch_size)
                on_skip(f"batch size {batch_size} is left out: {error.what}")
                continue
            on_result(result)
            results.append(result)
    return Sweep(results=tuple(results))
