"""The tree of a YAML text as it stands: every key in order, duplicates included, with its place."""

from __future__ import annotations

from typing import Any

Place = tuple[int, int]
"""Line and column, from 1."""


class Node:
    """A value at a place of the text; ``tag`` is a local tag such as ``!Pruner`` or None."""

    __slots__ = ("place", "tag")

    def __init__(self, place: Place, tag: str | None = None) -> None:
        self.place = place
        self.tag = tag


class Scalar(Node):
    """One word, number or text. ``value`` is what it means, ``text`` what is written, ``plain`` whether without quotes."""

    __slots__ = ("plain", "text", "value")

    def __init__(self, place: Place, value: Any, text: str = "", *, plain: bool = True, tag: str | None = None) -> None:
        super().__init__(place, tag)
        self.value = value
        self.text = text
        self.plain = plain


class Sequence(Node):
    """Items in order; ``flow`` says whether it is written in brackets."""

    __slots__ = ("flow", "items")

    def __init__(self, place: Place, items: list[Node], *, flow: bool, tag: str | None = None) -> None:
        super().__init__(place, tag)
        self.items = items
        self.flow = flow


class Entry:
    """A key, its place, and its value."""

    __slots__ = ("key", "place", "value")

    def __init__(self, key: str, place: Place, value: Node) -> None:
        self.key = key
        self.place = place
        self.value = value


class Mapping(Node):
    """Entries in order, duplicates kept; ``flow`` says whether it is written in braces, ``elided`` whether ``...`` stands in it.

    ``left_out`` are the keys whose value is ``...``, with their places.
    """

    __slots__ = ("elided", "entries", "flow", "left_out")

    def __init__(self, place: Place, entries: list[Entry], *, flow: bool, tag: str | None = None, elided: bool = False) -> None:
        super().__init__(place, tag)
        self.entries = entries
        self.flow = flow
        self.elided = elided
        self.left_out: list[tuple[str, Place]] = []


def is_empty(node: Node) -> bool:
    """Whether nothing is written there (``key:``, ``key: null``)."""
    return isinstance(node, Scalar) and node.plain and node.value is None


def plain(node: Node) -> Any:
    """The node as plain data: null as None, the first of duplicate keys."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    made: dict[str, Any] = {}
    for entry in node.entries if isinstance(node, Mapping) else ():
        made.setdefault(entry.key, plain(entry.value))
    return made
