"""Declarative references to things that are found by name: metrics, datasets, criteria, strategies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from inc_config.fields import FieldError
from inc_config.frozen import FrozenMap, freeze_map


def _some_text(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise FieldError(f"{attribute.name} cannot be {value!r}.", field=attribute.name, fix="give a name")


@attrs.frozen
class Named:
    """A plug-in's name and the keyword arguments it is built with.

    ``Named("topk", {"k": 5})`` says what to build without importing it; arguments are plain JSON data.
    """

    name: str = attrs.field(validator=_some_text)
    args: FrozenMap[str, Any] = attrs.field(factory=FrozenMap, converter=freeze_map)


def as_named(value: str | Named | Mapping[str, Any]) -> Named:
    """Accept ``"topk"``, ``{"topk": {"k": 5}}``, ``{"name": "topk", "args": {"k": 5}}`` or a ``Named`` (an attrs converter).

    Raises:
        FieldError: none of these.
    """
    if isinstance(value, Named):
        return value
    if isinstance(value, str) and value:
        return Named(value)
    if isinstance(value, Mapping):
        if "name" in value and set(value) <= {"name", "args"} and isinstance(value["name"], str) and value["name"]:
            return Named(value["name"], {} if value.get("args") is None else value["args"])
        if len(value) == 1 and "name" not in value:
            ((name, args),) = value.items()
            if isinstance(name, str) and name:
                return Named(name, {} if args is None else args)
    raise FieldError(f"{value!r:.200} does not name anything.", fix="give a name, or one {name: {argument: value}} pair")
