"""Results as files: JSON that is read back, Markdown for people, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from inc_config.convert import from_json, to_json
from inc_config.errors import StoreError
from inc_config.files import atomic_write

from inc_bench.results.model import FORMAT, BenchmarkResult, Estimate

_MAX_BYTES = 16 * 2**20


def check_writable(path: Path) -> None:
    """Refuse, before anything is measured, a place that cannot be written.

    Raises:
        StoreError: the folder does not exist or is read-only, or the path is a folder.
    """
    fix = "choose a file in a folder that exists and is writable"
    if path.is_dir():
        raise StoreError("The path is a folder.", where=str(path), fix=fix)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".inc-bench-"):
            pass
    except OSError as error:
        raise StoreError(f"The folder cannot be written: {error.strerror}.", where=str(path.parent), fix=fix) from error


def write_text(path: Path, text: str) -> None:
    """Replace or create a file; a crash leaves the old content or the new.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        atomic_write(path, text.encode())
    except OSError as error:
        raise StoreError(f"The file cannot be written: {error.strerror}.", where=str(path), fix="choose a writable folder") from error


def save_result(result: BenchmarkResult, path: Path) -> None:
    """Write a result as JSON; raises StoreError."""
    write_text(path, to_json(result) + "\n")


def load_result(path: Path) -> BenchmarkResult:
    """Read what ``save_result`` wrote.

    Raises:
        StoreError: no such file, too large, or of a newer format.
        ConfigError: not such a result; names the faults.
    """
    result = from_json(read_text(path), BenchmarkResult, source=str(path))
    if result.format > FORMAT:
        raise StoreError(
            f"The result has format {result.format}; this version knows {FORMAT}.", where=str(path), fix="update inc-bench, or run anew"
        )
    return result


def read_text(path: Path) -> str:
    """The text of a file that may come from anyone.

    Raises:
        StoreError: it cannot be read, is too large, or is not text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise StoreError(f"The file is larger than {_MAX_BYTES >> 20} MB.", where=str(path), fix="give a file that inc-bench wrote")
        return data.decode()
    except OSError as error:
        raise StoreError(f"The file cannot be read: {error.strerror}.", where=str(path), fix="check the path") from error
    except UnicodeDecodeError as error:
        raise StoreError("The file is not text.", where=str(path), fix="give a file that inc-bench wrote") from error


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


COLUMNS: tuple[tuple[str, Callable[[BenchmarkResult], object]], ...] = (
    ("model", lambda r: r.model),
    ("mode", lambda r: r.mode.value),
    ("layout", lambda r: r.layout),
    ("batch size", lambda r: r.batch_size),
    ("samples/s", lambda r: f"{r.throughput.value:.1f}"),
    ("low", lambda r: "" if r.throughput.low is None else f"{r.throughput.low:.1f}"),
    ("high", lambda r: "" if r.throughput.high is None else f"{r.throughput.high:.1f}"),
    ("samples/CPU s", lambda r: f"{r.throughput_per_cpu_s:.1f}"),
    ("mean ms", lambda r: _ms(r.latency.mean_s)),
    ("median ms", lambda r: _ms(r.latency.median_s)),
    ("p90 ms", lambda r: _ms(r.latency.p90_s)),
    ("p99 ms", lambda r: _ms(r.latency.p99_s)),
    ("max ms", lambda r: _ms(r.latency.max_s)),
    ("first ms", lambda r: _ms(max(instance.first_s for instance in r.instances))),
    ("peak MB", lambda r: f"{r.peak_bytes / 1e6:.0f}"),
    ("accuracy", lambda r: "" if r.accuracy is None else f"{r.accuracy:.4f}"),
    ("noisy", lambda r: "yes" if r.noise.noisy else "no"),
)
"""One row per result, the same in Markdown, CSV and tables."""


def to_csv(results: Sequence[BenchmarkResult]) -> str:
    """One line per result."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for name, _ in COLUMNS])
    writer.writerows([read(result) for _, read in COLUMNS] for result in results)
    return text.getvalue()


def to_markdown(results: Sequence[BenchmarkResult]) -> str:
    """A table, what to know of it, and the machine."""
    rows = [[name for name, _ in COLUMNS], ["---"] * len(COLUMNS)]
    rows += [[str(read(result)).replace("|", "\\|") for _, read in COLUMNS] for result in results]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    warnings = [f"- {text}" for text in each_warning(results)]
    machine = results[0].environment
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items() if version)
    return "\n".join(
        [*lines, *(["", *warnings] if warnings else []), "", f"{machine.cpu}, {machine.topology}, {machine.isa.value}; {versions}", ""]
    )


def each_warning(results: Sequence[BenchmarkResult]) -> list[str]:
    """What to know of each result."""
    return [f"{result.layout}, batch {result.batch_size}: {text}" for result in results for text in result.warnings]


def ratio_to_earlier(result: BenchmarkResult, earlier: BenchmarkResult) -> tuple[Estimate, tuple[str, ...]]:
    """How many times the earlier throughput this one is, and why the two may not be comparable.

    The bounds are those of the quotient of the two intervals, which is wider than it need be: the runs were not paired.
    """
    new, old = result.throughput, earlier.throughput
    low = None if new.low is None or old.high is None or not old.high else new.low / old.high
    high = None if new.high is None or old.low is None or not old.low else new.high / old.low
    ratio = Estimate(value=new.value / old.value if old.value else 0.0, low=low, high=high, confidence=new.confidence)
    pairs = (
        ("processor", result.environment.cpu, earlier.environment.cpu),
        ("processors granted", result.environment.topology, earlier.environment.topology),
        ("layout", result.layout, earlier.layout),
        ("batch size", result.batch_size, earlier.batch_size),
        ("mode", result.mode.value, earlier.mode.value),
        ("data", result.data, earlier.data),
        *((name, now, earlier.environment.versions.get(name)) for name, now in result.environment.versions.items()),
    )
    return ratio, tuple(f"{name} differs: {now} here, {then} then" for name, now, then in pairs if now != then)
