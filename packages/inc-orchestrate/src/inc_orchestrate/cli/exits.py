"""Exit codes of the ``inc`` command."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """How a command ended; ``INTERRUPTED`` is what shells report for Ctrl-C."""

    DONE = 0
    MISSED = 1
    BAD_INPUT = 2
    INTERNAL = 3
    INTERRUPTED = 130
