"""What can be written on the command line, turned into typed values."""

from __future__ import annotations

import argparse
import json
import re
from typing import Any, NoReturn

import attrs
from inc_config.errors import IncError
from inc_config.tuning import LossKind

_AMOUNT = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>%|points?|pp|pt)?")
_DROP_FIX = "1% (of the original's value), 0.01 (the same as 1%), or 1points (hundredths of the metric's own unit)"
_SINGLE_OPTION = {"topk": "k"}
"""Metrics whose one option may be given without its name: topk:5."""


class UsageError(IncError):
    """A command line that cannot be understood."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors say what, where and how to fix it."""

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` instead of printing the usage."""
        raise UsageError(f"{message[0].upper()}{message[1:]}.".replace("..", "."), where=f"{self.prog} ...", fix=f"{self.prog} --help")


@attrs.frozen(kw_only=True)
class Drop:
    """How much of the metric may be lost."""

    loss: float
    kind: LossKind

    def __str__(self) -> str:
        shown = f"{self.loss * 100:g}"
        return f"at most {shown}% of the original's value lost" if self.kind is LossKind.RELATIVE else f"at most {shown} points lost"


def drop(text: str) -> Drop:
    """Read ``1%``, ``0.01`` or ``1points``.

    A percentage is relative to the original model's value, as ``Quantize(accuracy_loss=0.01)`` is: of an accuracy of 76.1 %, 1%
    allows 75.34 %. A bare number below 1 is the same as a fraction. Points are absolute, in hundredths of the metric's unit:
    1points allows 75.1 %.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount; give {_DROP_FIX}")
    number, unit = float(match["number"]), match["unit"]
    if unit is None and number >= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} could mean {text}% or {text} points; give {_DROP_FIX}")
    if unit == "%" and number > 100.0:
        raise argparse.ArgumentTypeError(f"{text!r} is more than all of it; give {_DROP_FIX}")
    kind = LossKind.RELATIVE if unit in (None, "%") else LossKind.ABSOLUTE
    return Drop(loss=number if unit is None else number / 100.0, kind=kind)


@attrs.frozen(kw_only=True)
class MetricChoice:
    """A metric's name and options, as ``inc_metrics.build`` takes them."""

    name: str
    options: dict[str, Any] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return ":".join(filter(None, (self.name, ",".join(f"{key}={value}" for key, value in self.options.items()))))


def metric(text: str) -> MetricChoice:
    """Read ``accuracy``, ``topk:5`` or ``topk:k=5,class_axis=-1``."""
    name, _, rest = text.partition(":")
    options: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            key, value = _SINGLE_OPTION.get(name.lower(), ""), part
        if not key:
            raise argparse.ArgumentTypeError(f"{part!r} in {text!r} names no option; write {name}:option={part}")
        options[key.strip()] = _value(value.strip())
    return MetricChoice(name=name, options=options)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def seconds(text: str) -> float:
    """Read ``90``, ``90s``, ``15min`` (or ``15m``) or ``2h``."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|min|m|h)?", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; give 90s, 15min or 2h")
    return float(match[1]) * {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}[match[2] or "s"]


def count(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def pattern(text: str) -> str:
    """Read a regular expression over operator names."""
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from error
    return text
