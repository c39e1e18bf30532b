"""The repository's one numba decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

SMALL = 1 << 15
"""Values of an array up to which numpy is about as quick as a kernel, and needs none: loading the first takes most of a second."""


def compiled(function: F) -> F:
    """Compile ``function`` in nopython mode at its first call, releasing the GIL while it runs.

    The machine code is cached beside the module or in the user's cache folder; where neither can be written (a read-only install
    without a home) it is compiled once per process instead. Floating-point rules stay strict: ``fastmath`` would let the compiler
    assume that NaN never comes, and reorder sums, so that a kernel and its numpy twin would differ.
    """
    try:
        return cast("F", numba.njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # numba's "no locator available": no writable place for its cache
        return cast("F", numba.njit(nogil=True, error_model="numpy")(function))


def for_size(size: int, kernel: F, twin: F) -> F:
    """The kernel, or its twin in numpy for a small array: a job of small arrays only loads no kernel at all."""
    return twin if size <= SMALL else kernel
