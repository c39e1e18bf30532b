"""Declarative references to things that are found by name: metrics, datasets, criteria, strategies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from inc_config.frozen import FrozenMap, freeze_map


@attrs.frozen
class Named:
    """A plug-in's name and the keyword arguments it is built with.

    ``Named("topk", {"k": 5})`` says what to build without importing it; arguments are plain JSON data.
    """

    name: str = attrs.field(validator=attrs.validators.min_len(1))
    args: FrozenMap[str, Any] = attrs.field(factory=FrozenMap, converter=freeze_map)


def as_named(value: str | Named | Mapping[str, Any]) -> Named:
    """Accept ``"topk"``, ``{"topk": {"k": 5}}`` or a ``Named`` (an attrs converter)."""
    if isinstance(value, Named):
        return value
    if isinstance(value, str):
        return Named(value)
    if set(value) <= {"name", "args"} and "name" in value:
        return Named(value["name"], value.get("args") or {})
    ((name, args),) = value.items()
    return Named(name, args or {})
