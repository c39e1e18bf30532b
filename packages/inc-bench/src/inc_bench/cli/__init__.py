"""The ``inc-bench`` command."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``inc-bench``; see ``inc_bench.cli.command.Exit`` for what it returns."""
    try:
        from inc_bench.cli.command import Exit, run  # noqa: PLC0415  # loading takes long enough to be interrupted
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print("interrupted; every instance was stopped", file=sys.stderr)
        return Exit.INTERRUPTED
