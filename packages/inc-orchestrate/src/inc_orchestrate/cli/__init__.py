"""The ``inc`` command."""

from inc_orchestrate.cli.main import main

__all__ = ["main"]
