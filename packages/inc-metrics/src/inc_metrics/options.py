"""Options checked when a metric is made, so that a wrong one is told before any data comes."""

from __future__ import annotations

import math
import operator
from typing import Any

from inc_metrics.errors import MetricTypeError, MetricValueError


def whole_number(value: Any, *, where: str, least: int | None = None) -> int:
    """Return an option that counts or numbers something.

    Raises:
        MetricTypeError: no whole number; a bool is none.
        MetricValueError: below ``least``.
    """
    name = _name(where)
    fix = "give a whole number" if least is None else f"give a whole number of {least} or more"
    try:
        number = operator.index(value)
    except TypeError as error:
        raise MetricTypeError(f"{name} is {value!r}", where, fix) from error
    if isinstance(value, bool):
        raise MetricTypeError(f"{name} is {value!r}", where, fix)
    if least is not None and number < least:
        raise MetricValueError(f"{name} is {number}", where, fix)
    return number


def real_number(value: Any, *, where: str, fix: str = "give a finite number") -> float:
    """Return an option that measures something.

    Raises:
        MetricTypeError: no real number; a bool is none.
        MetricValueError: NaN or infinite.
    """
    try:
        number = None if isinstance(value, (bool, str, bytes)) else float(value)
    except (TypeError, ValueError):
        number = None
    except OverflowError:
        number = math.inf
    if number is None:
        raise MetricTypeError(f"{_name(where)} is {value!r}", where, fix)
    if not math.isfinite(number):
        raise MetricValueError(f"{_name(where)} is {value!r}", where, fix)
    return number


def flag(value: Any, *, where: str) -> bool:
    """Return an option that is on or off; raises MetricTypeError for anything but a bool."""
    if value is not True and value is not False:
        raise MetricTypeError(f"{_name(where)} is {value!r}", where, "give True or False")
    return bool(value)


def _name(where: str) -> str:
    """Return the option's name out of ``Metric(option)``."""
    return where[where.find("(") + 1 :].rstrip(")")
