"""Find settings that were asked for and that nothing here carries out, so that none is ignored in silence."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs


def changed_fields(config: Any, kind: type[Any], *, but: Collection[str] = ()) -> tuple[str, ...]:
    """Names of the fields of ``kind`` that differ from their defaults in ``config``, less those in ``but``."""
    return tuple(
        field.name
        for field in attrs.fields(kind)
        if field.name not in but and field.default is not attrs.NOTHING and getattr(config, field.name) != _default(field)
    )


def _default(field: attrs.Attribute[Any]) -> Any:
    made = field.default
    factory = getattr(made, "factory", None)
    return factory() if callable(factory) else made
