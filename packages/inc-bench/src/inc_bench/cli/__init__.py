"""The ``inc-bench`` command."""

from inc_bench.cli.main import main

__all__ = ["main"]
