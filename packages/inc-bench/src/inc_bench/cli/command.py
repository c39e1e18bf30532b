"""Run the command: check everything first, then measure, then write."""

from __future__ import annotations

import argparse
import enum
import sys
from collections.abc import Sequence
from pathlib import Path

from inc_config.errors import IncError
from inc_metrics import MetricTypeError
from rich.console import Console

from inc_bench.cli.arguments import parser
from inc_bench.cli.interrupts import interrupts_as_exceptions
from inc_bench.cli.tasks import run_task
from inc_bench.instances.failing import InstanceError
from inc_bench.results.writing import check_writable


class Exit(enum.IntEnum):
    """How the command ended; ``INTERRUPTED`` is what shells report for Ctrl-C."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    INSTANCE = 3
    INCONCLUSIVE = 4
    INTERRUPTED = 130


def run(arguments: Sequence[str] | None = None) -> int:
    """Run ``inc-bench``; see ``Exit`` for what it returns.

    Raises:
        KeyboardInterrupt: interrupted; every instance was stopped.
    """
    options = parser().parse_args(arguments)
    with interrupts_as_exceptions():
        try:
            for path in _outputs(options):
                check_writable(path)
            return run_task(options, Console())
        except InstanceError as error:
            print(error, file=sys.stderr)
            return Exit.BAD_INPUT if error.refused else Exit.INSTANCE
        except (IncError, ValueError, MetricTypeError) as error:
            print(error, file=sys.stderr)
            return Exit.BAD_INPUT


def _outputs(options: argparse.Namespace) -> list[Path]:
    lock = [options.lock] if options.lock and options.update_lock else []
    return [path for path in (options.json, options.markdown, options.csv, options.plot, options.junit, options.summary, *lock) if path]
