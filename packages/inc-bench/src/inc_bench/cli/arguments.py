"""What the command takes."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from inc_bench.gate import Drop
from inc_bench.results.model import Mode

_DROP = re.compile(r"(\d*\.?\d+)\s*(%|points?)?")


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def count_or_zero(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not math.isfinite(value) or value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def drop(text: str) -> Drop:
    """``1%`` and ``0.01`` are a share of the baseline's value; ``1points`` is absolute, in hundredths of the metric's unit."""
    match = _DROP.fullmatch(text.strip())
    if match is None or (match[2] is None and float(match[1]) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount; give 1%, 0.01 (the same) or 1points (absolute)")
    amount = float(match[1]) if match[2] is None else float(match[1]) / 100
    return Drop(amount=amount, absolute=(match[2] or "").startswith("point"))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="inc-bench",
        description="How many samples a second this machine serves with a model, at which latency, and which layout is best.",
        epilog="MODEL: a model file, a folder written by save, or module:function that returns a model (or a function to time).",
    )
    made.add_argument("model", nargs="?", metavar="MODEL")
    made.add_argument("--data", help=".npy, .npz (with an array named labels for --metric) or module:function; made up when missing")
    made.add_argument("--architecture", metavar="MODULE:FUNCTION", help="makes the fresh model that a saved folder is loaded into")
    made.add_argument("--config", type=Path, help="a configuration file, of today or of version 1")
    _layout(made.add_argument_group("where it runs"))
    _length(made.add_argument_group("how long"))
    _tasks(made.add_argument_group("what is done"))
    _output(made.add_argument_group("output"))
    _gate(made.add_argument_group("continuous integration"))
    return made


def _layout(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--instances", type=count, help="side by side, each on cores of its own (default 1)")
    group.add_argument("--cores-per-instance", type=count, help="default: the fast cores, divided evenly")
    group.add_argument("--threads", type=count, help="framework threads per instance (default: one per core)")
    group.add_argument("--inter-op-threads", type=count)
    group.add_argument("--batch-size", type=count, nargs="+", help="several with --sweep (default 1; with --sweep 1 8 32)")


def _length(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--warmup", type=count_or_zero, help="calls before timing (default 5)")
    length = group.add_mutually_exclusive_group()
    length.add_argument("--iterations", type=count, help="calls per instance")
    length.add_argument("--duration", type=positive, metavar="SECONDS", help="default 3")
    group.add_argument("--timeout", type=positive, metavar="SECONDS", help="without progress for this long an instance counts as hung")
    group.add_argument("--seed", type=count_or_zero, help="of made-up inputs and of random arrivals (default 0)")


def _tasks(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--mode", type=Mode, choices=list(Mode), metavar="|".join(mode.value for mode in Mode), default=Mode.OFFLINE)
    group.add_argument("--rate", type=positive, metavar="CALLS/S", help="of random arrivals (server mode)")
    group.add_argument("--p99-ms", type=positive, help="search the highest rate that keeps the 99th percentile under this (server mode)")
    group.add_argument("--sweep", action="store_true", help="try all sensible layouts and the batch sizes")
    group.add_argument(
        "--compare",
        nargs="+",
        metavar="OTHER",
        help="baseline and candidate (or MODEL and one): models, timed in turn, or two results",
    )
    group.add_argument("--metric", help="also judge accuracy, on --data with labels or the evaluation data of --config")
    group.add_argument("--accuracy", action="store_true", help="also judge accuracy as --config says (evaluation.accuracy of version 1)")
    group.add_argument("--profile", action="store_true", help="time per operator; with --compare those that got slower, and why")


def _output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--json", type=Path, help="the result as data (a sweep's best throughput); SCHEMA.md describes it")
    group.add_argument("--markdown", type=Path)
    group.add_argument("--csv", type=Path)
    group.add_argument("--plot", type=Path, help="throughput against latency as .svg or .png (with --sweep; needs matplotlib)")
    group.add_argument("--against", type=Path, metavar="RESULT.json", help="compare with an earlier result")


def _gate(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--gate", action="store_true", help="with --compare: exit 1 when a check fails, 4 when noise hides the answer")
    group.add_argument("--min-speedup", type=positive)
    group.add_argument("--max-drop", type=drop, metavar="1%|0.01|1points", help="how much --metric may get worse")
    group.add_argument("--lock", type=Path, help="the committed earlier result, which must not get worse")
    group.add_argument("--update-lock", action="store_true", help="write the lock file instead of checking against it")
    group.add_argument("--junit", type=Path)
    group.add_argument("--summary", type=Path, help="the checks as Markdown")
