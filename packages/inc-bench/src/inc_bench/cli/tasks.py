"""What the command does: one run, a sweep, server mode, a comparison, a gate."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from inc_config.convert import to_json
from rich.console import Console
from rich.table import Table

from inc_bench.cli.requests import Asked, asked_for
from inc_bench.cli.rules import are_results, check_options, compared
from inc_bench.gate import Check, Lock, Outcome, judge, junit, load_lock, save_lock, summary, verdict
from inc_bench.machine.layout import Layout, plan_layout
from inc_bench.machine.topology import Topology, read_topology
from inc_bench.operators import pair_operators, slower
from inc_bench.pairs import Paired, compare_in_processes
from inc_bench.plotting import save_plot, terminal_plot
from inc_bench.rates import highest_rate, serve_at
from inc_bench.request import Request
from inc_bench.results.model import BenchmarkResult, Mode
from inc_bench.results.tables import comparison_table, estimate, operators_table, result_table, slower_table, sweep_table
from inc_bench.results.writing import each_warning, load_result, ratio_to_earlier, save_result, to_csv, to_markdown, write_text
from inc_bench.running import crew_for, run_load, with_accuracy
from inc_bench.surroundings import environment
from inc_bench.sweep import sweep

SWEEP_BATCHES = (1, 8, 32)
_CODES = {Outcome.PASSED: 0, Outcome.FAILED: 1, Outcome.INCONCLUSIVE: 4}


def run_task(options: argparse.Namespace, console: Console) -> int:
    """Do what the options ask; returns the exit code."""
    check_options(options)
    if options.compare and are_results(compared(options)):
        return _compare_results(options, console)
    if options.against:
        load_result(options.against)  # refused now where it cannot be read, not when all is measured
    topology = read_topology()
    asked = asked_for(options, compared(options))
    for text in asked.notes:
        console.print(f"note: {text}", highlight=False, markup=False)
    request, *others = asked.requests
    if options.sweep:
        return _sweep(options, console, topology, request)
    layout = plan_layout(topology, instances=asked.instances, cores_per_instance=asked.cores)
    if others:
        return _compare(options, console, topology, asked, layout)
    if options.mode is Mode.SERVER:
        return _server(options, console, topology, request, layout)
    return _single(options, console, topology, asked, layout)


def _single(options: argparse.Namespace, console: Console, topology: Topology, asked: Asked, layout: Layout) -> int:
    (request,), judging = asked.requests, asked.judging
    with crew_for(request, layout, topology) as crew:
        result = run_load(crew, request, layout, request.load, mode=options.mode)
        if judging is not None:
            result = with_accuracy(result, metric=judging.metric.name, value=crew.score(judging))
        operators = crew.profile() if options.profile else ()
    console.print(result_table(result))
    if operators:
        console.print(operators_table(operators))
    _finish(options, console, [result], result)
    return 0


def _sweep(options: argparse.Namespace, console: Console, topology: Topology, request: Request) -> int:
    found = sweep(
        request,
        topology,
        batch_sizes=options.batch_size or SWEEP_BATCHES,
        on_result=lambda result: console.print(_line(result)),
        on_skip=lambda text: console.print(f"note: {text}", highlight=False, markup=False),
    )
    console.print(sweep_table(found.results))
    console.print(terminal_plot(found.results), markup=False, highlight=False)
    fast, quick = found.best_throughput, found.best_latency
    sure = "" if found.clear else " (others are within its interval)"
    console.print(f"best throughput: {fast.layout}, batch {fast.batch_size}: {estimate(fast.throughput)} samples/s{sure}", highlight=False)
    console.print(f"best latency: {quick.layout}, batch {quick.batch_size}: {quick.median_s * 1e3:.3f} ms", highlight=False)
    if options.plot:
        save_plot(found.results, options.plot)
    _finish(options, console, list(found.results), fast)
    return 0


def _server(options: argparse.Namespace, console: Console, topology: Topology, request: Request, layout: Layout) -> int:
    if options.rate:
        result = serve_at(request, layout, topology, rate_per_s=options.rate)
    else:
        search = highest_rate(
            request, layout, topology, p99_s=options.p99_ms / 1e3, on_result=lambda result: console.print(_line(result), highlight=False)
        )
        result = search.best
        rate = result.server.rate_per_s if result.server else 0.0
        console.print(f"highest rate: {rate:.1f} calls/s with p99 {result.latency.p99_s * 1e3:.3f} ms; limited by {search.limited_by}")
    console.print(result_table(result))
    _finish(options, console, [result], result)
    return 0


def _line(result: BenchmarkResult) -> str:
    rate = "" if result.server is None else f" at {result.server.rate_per_s:.1f} calls/s"
    figures = f"{estimate(result.throughput)} samples/s, p99 {result.latency.p99_s * 1e3:.3f} ms"
    return f"{result.layout}, batch {result.batch_size}{rate}: {figures}"


def _finish(options: argparse.Namespace, console: Console, results: list[BenchmarkResult], result: BenchmarkResult) -> None:
    for text in result.warnings if len(results) == 1 else each_warning(results):
        console.print(f"note: {text}", highlight=False, markup=False)
    machine = result.environment
    console.print(f"{machine.cpu}, {machine.topology}, {machine.isa.value}, load {machine.load:.1f}", highlight=False, markup=False)
    if options.against:
        ratio, differences = ratio_to_earlier(result, load_result(options.against))
        bounds = "" if ratio.low is None or ratio.high is None else f" [{ratio.low:.2f}, {ratio.high:.2f}]"
        console.print(f"{ratio.value:.2f}x{bounds} the throughput of {options.against}", highlight=False, markup=False)
        for text in differences:
            console.print(f"note: {text}", highlight=False, markup=False)
    if options.json:
        save_result(result, options.json)
    writers: tuple[tuple[Path | None, Callable[[list[BenchmarkResult]], str]], ...] = (
        (options.markdown, to_markdown),
        (options.csv, to_csv),
    )
    for path, write in writers:
        if path:
            write_text(path, write(results))


def _compare_results(options: argparse.Namespace, console: Console) -> int:
    first, second = (load_result(Path(name)) for name in compared(options))
    table = Table("", "samples/s", "median ms", "p99 ms")
    for name, result in zip(compared(options), (first, second), strict=True):
        table.add_row(name, estimate(result.throughput), f"{result.median_s * 1e3:.3f}", f"{result.latency.p99_s * 1e3:.3f}")
    console.print(table)
    ratio, differences = ratio_to_earlier(second, first)
    bounds = "" if ratio.low is None or ratio.high is None else f" [{ratio.low:.2f}, {ratio.high:.2f}]"
    console.print(f"the second has {ratio.value:.2f}x{bounds} the throughput of the first; the runs were not paired", highlight=False)
    for text in differences:
        console.print(f"note: {text}", highlight=False, markup=False)
    return 0


def _compare(options: argparse.Namespace, console: Console, topology: Topology, asked: Asked, layout: Layout) -> int:
    lock = load_lock(options.lock) if options.lock and not options.update_lock else None
    first, second = asked.requests
    paired = compare_in_processes(first, second, layout, topology, judging=asked.judging)
    console.print(comparison_table(paired.baseline, paired.candidate, paired.comparison))
    if paired.metric:
        console.print(f"{paired.metric}: {paired.baseline_accuracy:.4f} -> {paired.candidate_accuracy:.4f}", highlight=False)
    for text in (*layout.notes, *paired.notes):
        console.print(f"note: {text}", highlight=False, markup=False)
    if options.profile:
        with crew_for(first, layout, topology) as crew:
            before = crew.profile()
        with crew_for(second, layout, topology) as crew:
            after = crew.profile()
        console.print(slower_table(slower(pair_operators(before, after))))
    if options.json:
        write_text(options.json, to_json(paired) + "\n")
    if not (options.gate or options.update_lock):
        return 0
    taken = Lock(
        baseline=Path(paired.baseline).name,
        candidate=Path(paired.candidate).name,
        speedup=paired.comparison.ratio,
        isa=environment().isa.value,
        layout=str(layout),
        batch_size=paired.batch_size,
        metric=paired.metric,
        candidate_accuracy=paired.candidate_accuracy,
    )
    checks = judge(
        paired,
        min_speedup=options.min_speedup,
        max_drop=options.max_drop,
        lock=lock,
        taken=taken,
        higher_is_better=asked.higher_is_better,
    )
    return _gate(options, console, paired, checks, taken)


def _gate(options: argparse.Namespace, console: Console, paired: Paired, checks: tuple[Check, ...], taken: Lock) -> int:
    """Write reports; ``taken`` is the lock that ``--update-lock`` writes unless a check failed or the machine was too noisy to tell."""
    outcome = verdict(checks)
    for check in checks:
        console.print(f"{check.outcome.value}: {check.name}: {check.message}", highlight=False, markup=False)
    if options.junit:
        write_text(options.junit, junit(checks, suite="inc-bench"))
    if options.summary:
        write_text(options.summary, summary(checks, title=f"{paired.candidate} against {paired.baseline}"))
    if options.update_lock and paired.comparison.noisy:
        console.print("note: the lock is left as it was: the machine was too noisy to tell the speedup", highlight=False)
        return _CODES[Outcome.FAILED if outcome is Outcome.FAILED else Outcome.INCONCLUSIVE]
    if options.update_lock and outcome is not Outcome.FAILED:
        save_lock(taken, options.lock)
    return _CODES[outcome]
