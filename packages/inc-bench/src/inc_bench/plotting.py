"""Throughput against latency: a picture, and a plot of characters for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from inc_config.errors import MissingFrameworkError, StoreError

from inc_bench.results.model import BenchmarkResult

_FIGURE = "matplotlib.figure"
_MARKS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SUFFIXES = (".svg", ".png")


def check_plot(path: Path) -> None:
    """Refuse, before anything is measured, a picture that cannot be drawn.

    Raises:
        StoreError: the suffix names no picture format here.
        MissingFrameworkError: matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise StoreError(f"{path.name!r} does not end in {' or '.join(SUFFIXES)}.", where=str(path), fix="give the picture such a name")
    try:
        import_module(_FIGURE)
    except ImportError as error:
        raise MissingFrameworkError(
            "Pictures are drawn with matplotlib, which is not installed.",
            where=f"--plot {path}",
            fix='pip install "inc-bench[plot]", or leave --plot out: the terminal plot needs nothing',
        ) from error


def save_plot(results: Sequence[BenchmarkResult], path: Path) -> None:
    """Draw median latency against throughput, one line per layout over its batch sizes.

    Raises:
        StoreError, MissingFrameworkError: as ``check_plot``; also where the file cannot be written.
    """
    check_plot(path)
    figure = import_module(_FIGURE).Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for layout in dict.fromkeys(result.layout for result in results):
        mine = sorted((r for r in results if r.layout == layout), key=lambda result: result.batch_size)
        axes.plot([r.median_s * 1e3 for r in mine], [r.throughput.value for r in mine], marker="o", label=f"{layout} cores")
        for result in mine:
            axes.annotate(
                f"batch {result.batch_size}",
                (result.median_s * 1e3, result.throughput.value),
                (4, 4),
                textcoords="offset points",
                fontsize=8,
            )
    axes.set(xlabel="median latency of a call, ms", ylabel="samples per second", title=results[0].model)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(title="instances x cores")
    try:
        figure.savefig(path)
    except OSError as error:
        raise StoreError(f"The picture cannot be written: {error.strerror}.", where=str(path), fix="choose a writable folder") from error


def terminal_plot(results: Sequence[BenchmarkResult], *, width: int = 60, height: int = 14) -> str:
    """Throughput upwards over median latency (logarithmic) to the right; a letter per result, explained below."""
    logs = [math.log(max(result.median_s, 1e-9)) for result in results]
    top = max(result.throughput.value for result in results) or 1.0
    span = max(logs) - min(logs) or 1.0
    grid = [[" "] * width for _ in range(height)]
    for mark, result, place in zip(_marks(len(results)), results, logs, strict=True):
        column = round((place - min(logs)) / span * (width - 1))
        row = height - 1 - round(result.throughput.value / top * (height - 1))
        grid[row][column] = mark if grid[row][column] == " " else "*"
    axis = f"{math.exp(min(logs)) * 1e3:.3g} ms"
    lines = [f"{top:10.4g} |{''.join(grid[0])}", *(f"{'':10} |{''.join(row)}" for row in grid[1:-1]), f"{0:10} |{''.join(grid[-1])}"]
    lines.append(f"{'samples/s':>10} +{'-' * width}")
    lines.append(f"{'':12}{axis}{f'{math.exp(max(logs)) * 1e3:.3g} ms':>{max(1, width - len(axis))}}")
    lines += [f"{mark:>12} {result.layout}, batch {result.batch_size}" for mark, result in zip(_marks(len(results)), results, strict=True)]
    return "\n".join([*lines, f"{'*':>12} several"] if any("*" in row for row in grid) else lines)


def _marks(count: int) -> list[str]:
    return [_MARKS[index % len(_MARKS)] for index in range(count)]
