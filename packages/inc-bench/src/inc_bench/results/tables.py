"""Results as tables on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inc_adaptors.roles import OperatorTime
from rich.table import Table

from inc_bench.comparison import Comparison
from inc_bench.machine.files import cpu_list
from inc_bench.operators import OperatorPair
from inc_bench.results.model import BenchmarkResult, Estimate, InstanceResult
from inc_bench.results.writing import COLUMNS

_SHOWN = ("layout", "batch size", "samples/s", "median ms", "p90 ms", "p99 ms", "peak MB", "noisy")


def result_table(result: BenchmarkResult) -> Table:
    """Everything of one run: a column for all instances together, and one for each where there are several."""
    table = Table(title=f"{result.model}, {result.mode.value}, {result.layout}, batch {result.batch_size}", title_justify="left")
    table.add_column("")
    table.add_column("all", justify="right")
    several = result.instances if len(result.instances) > 1 else ()
    for index, instance in enumerate(several):
        table.add_column(f"#{index} on {cpu_list(instance.cpus)}", justify="right")
    table.add_row("samples/s", estimate(result.throughput), *(f"{i.throughput_per_s:.1f}" for i in several))
    table.add_row("samples/CPU s", f"{result.throughput_per_cpu_s:.1f}", *("" for _ in several))
    for name in ("mean", "median", "p90", "p99", "max"):
        latencies = (result.latency, *(instance.latency for instance in several))
        table.add_row(f"{name} latency, ms", *(f"{getattr(found, f'{name}_s') * 1e3:.3f}" for found in latencies))
    rows: tuple[tuple[str, Callable[[InstanceResult], float], Callable[[list[float]], float]], ...] = (
        ("calls", lambda i: i.latency.count, sum),
        ("model loaded after, s", lambda i: i.load_s, max),
        ("first output after, s", lambda i: i.first_s, max),
        ("memory, MB", lambda i: i.rss_bytes / 1e6, sum),
        ("peak memory, MB", lambda i: i.peak_bytes / 1e6, sum),
        ("CPU utilisation, %", lambda i: 100 * i.cpu_utilisation, max),
    )
    for title, read, together in rows:
        values = [read(instance) for instance in result.instances]
        form = "{:.0f}" if title == "calls" else "{:.2f}" if "after" in title else "{:.1f}"
        table.add_row(title, form.format(together(values)), *(form.format(value) for value in values[: len(several)]))
    if result.noise.frequency_hz is not None:
        table.add_row("clock, GHz", f"{result.noise.frequency_hz / 1e9:.2f}", *("" for _ in several))
    if result.server is not None:
        table.add_row("asked rate, calls/s", f"{result.server.rate_per_s:.1f}", *("" for _ in several))
        table.add_row("dispatch error, ms", f"{result.server.dispatch_error_s * 1e3:.3f}", *("" for _ in several))
    if result.accuracy is not None:
        table.add_row(str(result.metric), f"{result.accuracy:.4f}", *("" for _ in several))
    return table


def sweep_table(results: Sequence[BenchmarkResult]) -> Table:
    """One row per layout and batch size."""

    chosen = [(name, read) for name, read in COLUMNS if name in _SHOWN]
    table = Table(*(name for name, _ in chosen))
    for result in results:
        table.add_row(*(str(read(result)) for _, read in chosen))
    return table


def comparison_table(baseline: str, candidate: str, comparison: Comparison) -> Table:
    """Both models' time per sample and the ratio with its interval."""
    kind = "CPU ms" if comparison.on_cpu else "ms"
    table = Table("", f"{kind} per sample")
    table.add_row(baseline, f"{comparison.baseline_s * 1e3:.3f}")
    table.add_row(candidate, f"{comparison.candidate_s * 1e3:.3f}")
    table.add_row("the second is", f"{comparison} as fast: {comparison.verdict.value}")
    return table


def estimate(value: Estimate) -> str:
    """``1523.1 [1490.2, 1556.0]``."""
    bounds = "" if value.low is None or value.high is None else f" [{value.low:.1f}, {value.high:.1f}]"
    return f"{value.value:.1f}{bounds}"


def operators_table(operators: Sequence[OperatorTime], *, rows: int = 20) -> Table:
    """The operators that take the most time."""
    table = Table("operator", "type", "input", "us per call", "share", title=f"{min(rows, len(operators))} of {len(operators)} operators")
    for found in sorted(operators, key=lambda operator: -operator.seconds)[:rows]:
        table.add_row(found.name, found.type, found.dtype, f"{found.seconds * 1e6:.1f}", f"{found.share:.1%}")
    return table


def slower_table(pairs: Sequence[OperatorPair]) -> Table:
    """Operators that got slower, the costliest first, and why."""
    table = Table(
        "operator", "before", "us", "after", "us", "why", title="operators that got slower" if pairs else "no operator got slower"
    )
    for pair in pairs:
        before, after = pair.baseline, pair.candidate
        cells = [("-", "") if found is None else (found.type, f"{found.seconds * 1e6:.1f}") for found in (before, after)]
        name = after.name if after is not None else before.name if before is not None else ""
        table.add_row(name, *cells[0], *cells[1], pair.reason)
    return table
