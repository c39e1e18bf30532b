"""Names of new tensors: they tell what they are, and stay the same from one emission to the next."""

from __future__ import annotations

from collections.abc import Hashable

from inc_adaptors.onnxrt.tensors import unique


class Names:
    """Hands out one name per purpose, never one the graph already uses."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)
        self._given: dict[Hashable, str] = {}

    def of(self, wish: str, purpose: Hashable = None) -> str:
        """The name for ``(wish, purpose)``: ``wish`` itself where it is free, else numbered."""
        key = (wish, purpose)
        if key not in self._given:
            self._given[key] = unique(wish, self._taken)
        return self._given[key]
