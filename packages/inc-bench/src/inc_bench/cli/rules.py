"""Options that do not go together, refused before anything is started."""

from __future__ import annotations

import argparse
from pathlib import Path

from inc_config.errors import IncError

from inc_bench.plotting import check_plot
from inc_bench.results.model import Mode


class UsageError(IncError, ValueError):
    """Options that do not go together."""


def compared(options: argparse.Namespace) -> list[str]:
    """The names that are to be compared, the baseline first."""
    return [*([options.model] if options.model else []), *(options.compare or ())]


def are_results(names: list[str]) -> bool:
    """Whether these are results of earlier runs, which are read and not run."""
    return bool(names) and all(Path(name).suffix == ".json" for name in names)


_OF_MODELS = ("data", "config", "metric", "accuracy", "profile", "json", "gate", "update_lock")
"""Options that say how models are run or judged."""


def check_options(options: argparse.Namespace) -> None:
    """Refuse what would be ignored or cannot work.

    Raises:
        UsageError: two options exclude each other, or one lacks another.
        StoreError, MissingFrameworkError: a picture that cannot be drawn.
    """
    for broken, what, where, fix in (*_models(options), *_modes(options), *_judging(options)):
        if broken:
            raise UsageError(what, where=where, fix=fix)
    if options.plot:
        check_plot(options.plot)


_Rule = tuple[bool, str, str, str]


def _models(options: argparse.Namespace) -> tuple[_Rule, ...]:
    names = compared(options)
    tasks = [flag for flag, used in (("--sweep", options.sweep), ("--mode", options.mode is not Mode.OFFLINE)) if used]
    files = [f"--{name}" for name in ("markdown", "csv", "against") if getattr(options, name)]
    unread = [f"--{name.replace('_', '-')}" for name in _OF_MODELS if getattr(options, name)] if are_results(names) else []
    return (
        (bool(unread), "Earlier results are compared as they are.", ", ".join(unread), "leave it out, or name the models"),
        (not names, "There is no model.", "command line", "name one: inc-bench MODEL"),
        (bool(options.compare) and len(names) != 2, f"{len(names)} models are to be compared.", "--compare", "name two"),
        (bool(options.compare and tasks), "A comparison is neither a sweep nor of another mode.", ", ".join(tasks), "leave one out"),
        (bool(options.compare and files), "A comparison is written as --json, or --summary with a gate.", ", ".join(files), "leave it out"),
        (
            bool(options.sweep and (options.instances or options.cores_per_instance)),
            "A sweep chooses layouts itself.",
            "--sweep",
            "leave --instances and --cores-per-instance out",
        ),
        (not options.sweep and len(options.batch_size or ()) > 1, "Several batch sizes need a sweep.", "--batch-size", "give --sweep"),
    )


def _modes(options: argparse.Namespace) -> tuple[_Rule, ...]:
    server = options.mode is Mode.SERVER
    rates = bool(options.rate or options.p99_ms)
    return (
        (server and not rates, "Server mode needs a rate.", "--mode server", "give --rate or --p99-ms"),
        (bool(options.rate and options.p99_ms), "A rate is given or searched.", "--rate, --p99-ms", "leave one of them out"),
        (server and bool(options.iterations), "Server mode runs for a time.", "--iterations", "give --duration"),
        (not server and rates, "Only server mode has a rate.", "--rate, --p99-ms", "give --mode server"),
        (
            options.mode is Mode.SINGLE_STREAM and (options.instances or 1) > 1,
            "A single stream has one instance.",
            "--mode single-stream, --instances",
            "leave --instances out",
        ),
        (options.sweep and options.mode is not Mode.OFFLINE, "A sweep is offline.", "--sweep, --mode", "leave one of them out"),
        (bool(options.plot) and not options.sweep, "Only a sweep is drawn.", "--plot", "give --sweep"),
        (
            (options.sweep or server) and bool(options.metric or options.accuracy or options.profile),
            "Accuracy and operators are for one run or a comparison.",
            "--metric, --accuracy, --profile",
            "leave them out here, and run the chosen layout with them",
        ),
    )


def _judging(options: argparse.Namespace) -> tuple[_Rule, ...]:
    checks = bool(options.min_speedup or options.max_drop or options.lock)
    gated, judged = options.gate or options.update_lock, bool(options.metric or options.accuracy)
    return (
        (bool(options.max_drop) and not judged, "No metric says what may drop.", "--max-drop", "give --metric and labelled --data"),
        (options.accuracy and not options.config, "No file says how accuracy is measured.", "--accuracy", "give --config, or --metric"),
        (bool(options.metric) and not (options.data or options.config), "Accuracy needs data with labels.", "--metric", "give --data"),
        (gated and not options.compare, "A gate needs a baseline.", "--gate", "name it: --gate --compare BASELINE CANDIDATE"),
        (gated and not checks, "The gate checks nothing.", "--gate", "give --min-speedup, --max-drop or --lock"),
        (options.update_lock and not options.lock, "No lock file is named.", "--update-lock", "give --lock FILE"),
        (
            not gated and bool(checks or options.junit or options.summary),
            "Nothing is judged without a gate.",
            "--min-speedup, --max-drop, --lock, --junit, --summary",
            "give --gate",
        ),
    )
