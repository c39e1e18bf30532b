"""The ``inc-config`` command."""

from inc_config.cli.main import main

__all__ = ["main"]
