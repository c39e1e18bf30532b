"""A hashable mapping, so that everything a user asks for can be compared, hashed and shared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from inc_config.fields import FieldError

K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)


class FrozenMap(Mapping[K, V_co]):
    """An immutable mapping that keeps insertion order for iteration and ignores it for equality."""

    __slots__ = ("_data", "_hash")

    def __init__(self, data: Mapping[K, V_co] | None = None) -> None:
        self._data: dict[K, V_co] = dict(data or {})
        self._hash: int | None = None

    def __getitem__(self, key: K) -> V_co:
        return self._data[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        return self._data == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._data.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"FrozenMap({self._data!r})"


def freeze(value: Any) -> Any:
    """Turn nested lists and mappings of plain data into tuples and ``FrozenMap``.

    Raises:
        FieldError: something in it is not JSON data (NaN and infinity are not).
    """
    if isinstance(value, Mapping):
        return freeze_map(value)
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise FieldError(f"{value!r} is not plain data.", fix="use strings, finite numbers, true, false, null, lists and mappings")


def thaw(value: Any) -> Any:
    """Turn what ``freeze`` made back into lists and dicts."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [thaw(item) for item in value]
    return value


def freeze_map(value: Mapping[str, Any]) -> FrozenMap[str, Any]:
    """Freeze a mapping with string keys (an attrs converter)."""
    if not isinstance(value, Mapping):
        raise FieldError(f"{value!r} is not a mapping.", fix="give names and their values")
    wrong = [key for key in value if not isinstance(key, str)]
    if wrong:
        raise FieldError(f"{wrong[0]!r} cannot be a key.", fix="use strings as keys")
    return FrozenMap({key: freeze(item) for key, item in value.items()})
