"""The ``inc-bench`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import IncError
from rich.console import Console
from rich.table import Table

from inc_bench.comparison import Comparison
from inc_bench.measurement import Measurement
from inc_bench.model import benchmark, compare_models
from inc_bench.surroundings import environment


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="inc-bench", description="Latency and throughput of a model, or two compared side by side.")
    parser.add_argument("model", help="path of a model, such as model.onnx")
    parser.add_argument("--compare", metavar="OTHER", help="a second model, timed in turn with the first")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--warmup", type=int, default=5, help="calls before timing")
    parser.add_argument("--iterations", type=int, default=0, help="calls per round (0: as many as fill 50 ms)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1, help="framework threads")
    return parser


def _measured(measurement: Measurement) -> Table:
    table = Table("latency", "ms")
    table.add_row("median", f"{measurement.median_s * 1e3:.3f}")
    table.add_row("mean", f"{measurement.mean_s * 1e3:.3f}")
    for percent in (90, 99, 100):
        table.add_row(f"p{percent}" if percent < 100 else "max", f"{measurement.percentile_s(percent) * 1e3:.3f}")
    table.add_row("throughput", f"{measurement.throughput_per_s:.1f} samples/s")
    table.add_row("CPU / wall", f"{measurement.cpu_share:.2f}" + (" (noisy machine)" if measurement.noisy else ""))
    return table


def _compared(comparison: Comparison) -> Table:
    table = Table("", "ms per call")
    table.add_row("first", f"{comparison.baseline_s * 1e3:.3f}")
    table.add_row("second", f"{comparison.candidate_s * 1e3:.3f}")
    table.add_row("second is", f"{comparison} as fast: {comparison.verdict.value}")
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it measured, 2 for bad input."""
    options = _parser().parse_args(arguments)
    console = Console()
    try:
        config = BenchmarkConfig(
            batch_size=options.batch_size,
            warmup=options.warmup,
            iterations=options.iterations,
            rounds=options.rounds,
            threads=options.threads,
        )
        if options.compare:
            console.print(_compared(compare_models(options.model, options.compare, config)))
        else:
            console.print(_measured(benchmark(options.model, config)))
    except (IncError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    machine = environment()
    console.print(f"{machine.cpu}, {machine.isa.value}, {machine.cores} cores, load {machine.load:.1f}, {options.threads} thread(s)")
    return 0
