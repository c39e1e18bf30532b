"""Converters, validators and enums that configuration classes share: each fault names the field, the value and the fix."""

from __future__ import annotations

import difflib
import enum
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from inc_config.errors import IncError

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


class FieldError(IncError, ValueError):
    """A field with a value it cannot have; ``field`` is empty where only the value is known."""

    def __init__(self, what: str, *, fix: str, field: str = "") -> None:
        super().__init__(what, where=field or "this value", fix=fix)
        self.field = field


class Choice(enum.Enum):
    """An enum whose members are found by their value, with the choices in the error."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        choices = [str(member.value) for member in cls]
        raise FieldError(f"Unknown {_words(cls.__name__)} {value!r:.100}.", fix=one_of(value, choices))


def one_of(value: object, choices: Iterable[str]) -> str:
    """The fix for an unknown name: every choice, and the closest one."""
    choices = list(choices)
    close = difflib.get_close_matches(str(value).lower(), [choice.lower() for choice in choices], n=1)
    meant = next((f"; did you mean {choice!r}?" for choice in choices if choice.lower() in close), "")
    return f"use one of {', '.join(choices)}{meant}"


def strings(value: str | Iterable[str]) -> tuple[str, ...]:
    """Accept one string or several (an attrs converter)."""
    return (value,) if isinstance(value, str) else tuple(value)


def wholes(value: int | Iterable[int]) -> tuple[int, ...]:
    """Accept one whole number or several (an attrs converter)."""
    return (value,) if isinstance(value, int) else tuple(value)


def as_float(value: float) -> float:
    """Turn an int into a float and leave the rest to the validator (an attrs converter)."""
    return float(value) if type(value) is int else value


@attrs.frozen
class _Number:
    """A finite number ``>= minimum``, ``> above`` and ``< below``."""

    minimum: float
    above: float
    below: float

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not _is_finite(value) or not (self.minimum <= value and self.above < value < self.below):
            raise FieldError(f"{attribute.name} cannot be {value!r}.", field=attribute.name, fix=self._fix)

    @property
    def _fix(self) -> str:
        limits = [
            *([f"at least {self.minimum:g}"] if self.minimum > -math.inf else []),
            *([f"above {self.above:g}"] if self.above > -math.inf else []),
            *([f"below {self.below:g}"] if self.below < math.inf else []),
        ]
        return " ".join(["give a number", " and ".join(limits)]).strip()

    @property
    def json_schema(self) -> dict[str, Any]:
        """What a JSON Schema says of these limits."""
        limits = {"minimum": self.minimum, "exclusiveMinimum": self.above, "exclusiveMaximum": self.below}
        return {key: value for key, value in limits.items() if math.isfinite(value)}


def number(*, minimum: float = -math.inf, above: float = -math.inf, below: float = math.inf) -> Validator:
    """A finite number ``>= minimum``, ``> above`` and ``< below``."""
    return _Number(minimum, above, below)


@attrs.frozen
class _Whole:
    """An integer ``>= minimum``."""

    minimum: int

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if type(value) is not int or value < self.minimum:
            fix = f"give a whole number of at least {self.minimum}"
            raise FieldError(f"{attribute.name} cannot be {value!r}.", field=attribute.name, fix=fix)

    @property
    def json_schema(self) -> dict[str, Any]:
        """What a JSON Schema says of this limit."""
        return {"minimum": self.minimum}


def whole(*, minimum: int) -> Validator:
    """An integer ``>= minimum``."""
    return _Whole(minimum)


@attrs.frozen
class _Each:
    """Every item of a tuple."""

    validator: Validator

    def __call__(self, instance: Any, attribute: attrs.Attribute[Any], value: tuple[Any, ...]) -> None:
        for item in value:
            self.validator(instance, attribute, item)


def each(validator: Validator) -> Validator:
    """Every item of a tuple."""
    return _Each(validator)


def optional(validator: Validator) -> Validator:
    """None, or what ``validator`` accepts."""
    return attrs.validators.optional(validator)


@attrs.frozen
class _Some:
    """A tuple that is not empty."""

    fix: str

    def __call__(self, _: Any, attribute: attrs.Attribute[Any], value: tuple[Any, ...]) -> None:
        if not value:
            raise FieldError(f"{attribute.name} is empty.", field=attribute.name, fix=self.fix)

    @property
    def json_schema(self) -> dict[str, Any]:
        """What a JSON Schema says of it."""
        return {"minItems": 1}


def some(fix: str) -> Validator:
    """A tuple that is not empty; ``fix`` tells what to name."""
    return _Some(fix)


def flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """True or false (an attrs validator)."""
    if type(value) is not bool:
        raise FieldError(f"{attribute.name} cannot be {value!r}.", field=attribute.name, fix="give true or false")


def texts(_: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """A tuple of strings (an attrs validator)."""
    wrong = [item for item in value if not isinstance(item, str)]
    if wrong:
        raise FieldError(f"{attribute.name} cannot hold {wrong[0]!r}.", field=attribute.name, fix="give strings")


def patterns(instance: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """A tuple of regular expressions (an attrs validator)."""
    texts(instance, attribute, value)
    for pattern in value:
        try:
            re.compile(pattern)
        except re.error as error:
            what = f"{attribute.name}: {pattern!r} is not a regular expression: {error}."
            raise FieldError(
                what, field=attribute.name, fix="escape special characters with a backslash, or mend the expression"
            ) from error


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
