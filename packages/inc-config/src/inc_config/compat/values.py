"""Values of 1.x keys: what each may be, and the coercions of the old reader."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from inc_config.fields import one_of
from inc_config.frozen import freeze

Leaf = Callable[[Any], Any]
"""Reads one plain value (None for a key without a value).

Raises:
    WrongError: it cannot be that.
"""


class WrongError(Exception):
    """A value that its key cannot have."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


class WrongItemsError(WrongError):
    """Items of a list that its key cannot have; ``items`` are index and error of each."""

    def __init__(self, items: Sequence[tuple[int, WrongError]]) -> None:
        super().__init__(items[0][1].what, items[0][1].fix)
        self.items = tuple(items)


def all_of(leaf: Leaf, items: Iterable[Any]) -> tuple[Any, ...]:
    """Every item read by a function; all that it refuses are told."""
    made, wrong = [], []
    for index, item in enumerate(items):
        try:
            made.append(leaf(item))
        except WrongError as error:
            wrong.append((index, error))
    if wrong:
        raise WrongItemsError(wrong)
    return tuple(made)


@attrs.frozen
class Reworded:
    """A value whose spelling the old reader refused, and what it is read as."""

    value: Any
    text: str


def wrong(value: Any, fix: str) -> WrongError:
    """A value with what to write instead."""
    return WrongError("There is no value." if value is None else f"The value cannot be {value!r:.100}.", fix)


def text(value: Any) -> str:
    """A name or path; a number is one too."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong(value, "write a name or text")
    return str(value)


def flag(value: Any) -> bool:
    """True or False, without quotes."""
    if not isinstance(value, bool):
        raise wrong(value, "write True or False, without quotes")
    return value


def whole(*, minimum: int | None = None) -> Leaf:
    """A whole number."""
    fix = "write a whole number" + ("" if minimum is None else f" of at least {minimum}")

    def read(value: Any) -> int:
        if type(value) is not int or (minimum is not None and value < minimum):
            raise wrong(value, fix)
        return value

    return read


def decimal(*, minimum: float = -math.inf, below: float = math.inf, above: float = -math.inf, most: float = math.inf) -> Leaf:
    """A number with a decimal point: the old reader refused ``1`` where ``1.0`` was meant."""
    limits = {"at least": minimum, "above": above, "below": below, "at most": most}
    named = " and ".join(f"{words} {limit:g}" for words, limit in limits.items() if math.isfinite(limit))
    fix = f"write a number with a decimal point {named}".strip()

    def read(value: Any) -> float:
        if type(value) is not float or not math.isfinite(value) or not (minimum <= value <= most and above < value < below):
            raise wrong(value, fix)
        return value

    return read


def number(value: Any) -> float:
    """Any finite number; one in quotes is accepted too."""
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise wrong(value, "write a number")
    return found


_PERCENT = re.compile(r"\s*([-+]?[0-9]{1,9}(?:\.[0-9]{1,20})?)\s*%\s*")


def percent(*, whole_numbers: bool) -> Leaf:
    """``'1%'`` or ``0.01``; a whole number where the key takes the metric's own unit."""
    fix = "write a number with a decimal point, such as 0.01, or a percentage, such as 1%"

    def read(value: Any) -> float:
        if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
            return float(match[1]) / 100
        if type(value) is float and math.isfinite(value):
            return value
        if whole_numbers and type(value) is int and abs(value) < 2**53:
            return float(value)
        raise wrong(value, fix)

    return read


def choice(*names: str, any_case: bool = False) -> Leaf:
    """One of the names."""

    def read(value: Any) -> str:
        found = value.lower() if any_case and isinstance(value, str) else value
        if not isinstance(found, str) or found not in names:
            raise WrongError(f"Unknown value {value!r:.100}.", one_of(value, names))
        return found

    return read


def const(*values: Any) -> Leaf:
    """One of these numbers or words, of the same type."""

    def read(value: Any) -> Any:
        if not any(type(value) is type(known) and value == known for known in values):
            raise wrong(value, f"write one of {', '.join(map(str, values))}")
        return value

    return read


def split(value: Any) -> list[Any]:
    """The old list coercion: ``'a, b'`` by commas, ``'a b'`` by blanks, one value, or a list."""
    if isinstance(value, str):
        unified = value.replace("，", ",")
        parts = unified.split(",") if "," in unified else unified.split()
        return [part.strip() for part in parts if part.strip()]
    if isinstance(value, list):
        return value
    if value is None or isinstance(value, dict):
        raise wrong(value, "write one value or a list")
    return [value]


def each(leaf: Leaf, *, listed: bool = False, least: int = 0) -> Leaf:
    """Several values; ``listed`` demands a YAML list."""

    def read(value: Any) -> tuple[Any, ...]:
        if listed and not isinstance(value, list):
            raise wrong(value, f"write a list: [{value}]" if isinstance(value, str | int | float) else "write a list")
        made = all_of(leaf, split(value))
        if len(made) < least:
            raise wrong(value, f"name at least {least}")
        return made

    return read


def integer(value: Any) -> int:
    """A whole number, in quotes or not."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,18}", value):
        return int(value)
    if type(value) is not int:
        raise wrong(value, "write a whole number")
    return value


def at_least_one(value: Any) -> int:
    """A whole number above 0, in quotes or not."""
    if (found := integer(value)) < 1:
        raise wrong(value, "write a whole number above 0")
    return found


def shape(value: Any) -> tuple[Any, ...]:
    """``'1,2,3'`` or a list of whole numbers; a list of such lists means several."""
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        return all_of(shape, value)
    return all_of(integer, split(value))


def floats_by_blanks(value: Any) -> tuple[float, ...]:
    """``'0.3 0.7'``, a number, or a list of numbers; the old reader did not split these at commas."""
    if isinstance(value, str):
        return all_of(number, value.split())
    return all_of(number, value if isinstance(value, list) else [value])


def flags(value: Any) -> tuple[bool, ...]:
    """``'True, False'``, one flag, or a list of flags."""
    if isinstance(value, str):
        words = split(value)
        if not words or any(word not in ("True", "False") for word in words):
            raise wrong(value, "write True or False for each")
        return tuple(word == "True" for word in words)
    return all_of(flag, value if isinstance(value, list) else [value])


def either(first: Leaf, second: Leaf) -> Leaf:
    """What the first reader makes of it, or else the second."""

    def read(value: Any) -> Any:
        try:
            return first(value)
        except WrongError:
            return second(value)

    return read


def anything(value: Any) -> Any:
    """Plain data that the reader does not look into: lists as tuples, mappings frozen."""
    return freeze(value)
