"""Messages of the package's errors: what was wrong, where, and how to fix it; and the checks that many modules share."""

from __future__ import annotations

import difflib
import math
import numbers
import operator
import os
from collections.abc import Iterable
from pathlib import Path


def fault(what: str, *, where: str, fix: str) -> str:
    """Join the three parts of an error message, one line each."""
    return f"{what}\n  where: {where}\n  fix:   {fix}"


def one_of(name: str, known: Iterable[str]) -> str:
    """List the known names for a ``fix``, with the closest to ``name`` (in any case) when there is one."""
    names = sorted(known)
    if not names:
        return "none is known here; install the package that provides it"
    by_folded = {candidate.casefold(): candidate for candidate in names}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    hint = f"; did you mean {by_folded[close[0]]}?" if close else ""
    return f"one of {', '.join(names)}{hint}"


def whole_number(value: object, *, minimum: int, name: str, where: str) -> int:
    """Return ``value`` as an int of at least ``minimum``; numpy integers count, booleans do not.

    Raises:
        TypeError: not an integer.
        ValueError: below ``minimum``.
    """
    fix = f"pass an integer of at least {minimum}, for example {name}={max(minimum, 1)}"
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # index() is the check: it refuses what is no integer
    except TypeError as error:
        raise TypeError(fault(f"{name} must be an integer, got {value!r}.", where=where, fix=fix)) from error
    if isinstance(value, bool):
        raise TypeError(fault(f"{name} must be an integer, got {value!r}.", where=where, fix=fix))
    if number < minimum:
        raise ValueError(fault(f"{name} must be at least {minimum}, got {number}.", where=where, fix=fix))
    return number


def finite_number(value: object, *, name: str, where: str) -> float:
    """Return ``value`` as a float; numpy numbers count, booleans do not.

    Raises:
        TypeError: not a real number.
        ValueError: infinite or NaN.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(fault(f"{name} must be a number, got {value!r}.", where=where, fix=f"pass a number, for example {name}=0.5"))
    if not math.isfinite(value):
        raise ValueError(fault(f"{name} must be finite, got {value}.", where=where, fix=f"pass a finite number, for example {name}=0.5"))
    return float(value)


def checked_path(value: object, *, where: str) -> Path:
    """Return ``value`` as a path; TypeError when it is neither text nor path-like."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(fault(f"Expected a path, got {value!r}.", where=where, fix="pass text or a pathlib.Path"))
    return Path(value)
