"""YAML text to a tree of nodes: safe, bounded, and without executing anything."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Any

import yaml

from inc_config.compat.nodes import Entry, Mapping, Node, Place, Scalar, Sequence
from inc_config.compat.scalars import resolve_v1
from inc_config.errors import Fault
from inc_config.yaml_reader import MAX_ALIASED, MAX_DEPTH, MAX_NODES

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = {None, "!", *(_CORE + name for name in ("map", "seq", "str", "python/tuple"))}
_RESOLVED_TAGS = {_CORE + name for name in ("int", "float", "bool", "null")}
PRUNER_TAGS = ("!Pruner", "!PrunerV2")
ELLIPSES = ("...", "…")

Elision = tuple[int, int]
"""Line and column of a lone ``...``."""


class Refused(Exception):
    """The text cannot be read on from here."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


class Parser:
    """Builds nodes from parser events.

    Args:
        text: YAML without lone ``...`` lines.
        open_keys: lines of keys whose value is such a ``...``.
        loose: the other lone ``...``, each inside a mapping that is thereby incomplete.

    After ``document()``: ``faults`` found on the way, and ``elided``, the places of keys or items that stand for ``...``.
    """

    def __init__(self, text: str, open_keys: frozenset[int] = frozenset(), loose: tuple[Elision, ...] = ()) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0
        self._aliased = 0
        self._open_keys = open_keys
        self._loose = list(loose)
        self.faults: list[Fault] = []
        self.elided: list[tuple[str, Place]] = []

    def document(self) -> Node:
        """The one document of the text.

        Raises:
            yaml.YAMLError: not YAML.
            Refused: more than one document, too deep, too large, or an alias without an anchor.
        """
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Scalar((1, 1), None)
        node = self._node(next(self._events), 0)
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _refuse(event, "The file holds more than one document.", "keep one document per file (no second '---')")
        return node

    def _node(self, event: Any, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _refuse(event, f"More than {MAX_NODES} values.", "give a configuration file")
        kind = type(event)
        if kind is yaml.AliasEvent:
            return self._alias(event)
        before = self._nodes + self._aliased
        node: Node
        if kind is yaml.ScalarEvent:
            node = self._scalar(event)
        elif depth >= MAX_DEPTH:
            raise _refuse(event, f"Nested deeper than {MAX_DEPTH} levels.", "flatten the document")
        elif kind is yaml.MappingStartEvent:
            node = self._mapping(event, depth)
        else:
            node = self._sequence(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = (node, self._nodes + self._aliased - before + 1)
        return node

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            raise _refuse(event, f"*{event.anchor} stands before or inside &{event.anchor}.", "repeat the value instead")
        node, nodes = self._anchors[event.anchor]
        self._aliased += nodes
        if self._aliased > MAX_ALIASED:
            raise _refuse(event, f"More than {MAX_ALIASED} values come from aliases.", "give a configuration file, without nested anchors")
        if isinstance(node, Mapping):  # what follows an alias cannot be meant to stand inside it
            return Mapping(_place(event), node.entries, flow=True, tag=node.tag, elided=node.elided)
        return node

    def _scalar(self, event: Any) -> Scalar:
        tag = self._tag(event, _RESOLVED_TAGS)
        is_plain = event.implicit[0] or event.tag in _RESOLVED_TAGS or (tag is not None and not event.value)
        value = resolve_v1(event.value) if is_plain else event.value
        return Scalar(_place(event), value, event.value, plain=is_plain, tag=tag)

    def _sequence(self, event: Any, depth: int) -> Sequence:
        items: list[Node] = []
        tag = self._tag(event)
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            node = self._node(item, depth + 1)
            if _is_ellipsis(node):
                self.elided.append((f"item {len(items)}", node.place))
            else:
                items.append(node)
        return Sequence(_place(event), items, flow=bool(event.flow_style), tag=tag)

    def _mapping(self, event: Any, depth: int) -> Mapping:
        node = Mapping(_place(event), [], flow=bool(event.flow_style), tag=self._tag(event))
        merged: list[Entry] = []
        events, entries = self._events, node.entries
        while type(item := next(events)) is not yaml.MappingEndEvent:
            key = self._key(item, depth)
            place = _place(item)
            value = self._node(next(events), depth + 1)
            if _is_ellipsis(value) or (place[0] in self._open_keys and isinstance(value, Scalar) and value.value is None):
                self.elided.append((repr(key), place))
                node.left_out.append((key, place))
                node.elided = True
            elif key == "<<" and (found := _mappings(value)):
                merged += [entry for mapping in found for entry in mapping.entries]
            else:
                entries.append(Entry(key, place, value))
        if merged:
            have = {entry.key for entry in node.entries}
            first = {entry.key: entry for entry in reversed(merged)}  # of several, the first one counts
            node.entries += [entry for entry in merged if entry.key not in have and first[entry.key] is entry]
        if self._loose:
            self._take_loose(node, _place(item))
        return node

    def _take_loose(self, node: Mapping, end: Place) -> None:
        """Lone ``...`` lines belong to the innermost mapping around them that they do not stand left of."""
        first, after = (bisect.bisect_right(self._loose, line, key=lambda elision: elision[0]) for line in (node.place[0], end[0]))
        inside = self._loose[first:after]
        taken = [elision for elision in inside if elision[1] >= node.place[1]]
        if taken:
            self._loose[first:after] = [elision for elision in inside if elision[1] < node.place[1]]
            self.elided += (("part of a section", elision) for elision in taken)
            node.elided = True

    def _key(self, event: Any, depth: int) -> str:
        node = self._node(event, depth + 1)
        if isinstance(node, Scalar):
            return node.text
        fix = "write a name, in quotes where it has brackets"
        self.faults.append(_fault(event, "A list or mapping cannot be a key.", fix))
        return ""

    def _tag(self, event: Any, allowed: set[str] = frozenset()) -> str | None:  # type: ignore[assignment]  # an empty set is one
        tag: str | None = event.tag
        if tag in PRUNER_TAGS:
            return tag
        if tag is not None and tag not in _PLAIN_TAGS and tag not in allowed:
            self.faults.append(_fault(event, f"The tag {tag!r:.100} is not accepted.", _instead_of(tag)))
            return tag
        return None


def _instead_of(tag: str) -> str:
    """What to write instead of a tag: the pruner that seems to be meant, or plain values."""
    word = tag.lstrip("!").lower()
    if not word.endswith(("pruner", "prunerv2", "pruner_v2")):
        return "write plain values, or !Pruner under 'pruners'; objects cannot be made from a file"
    meant = PRUNER_TAGS[1] if word.endswith("v2") else PRUNER_TAGS[0]
    if word in ("pruner", "prunerv2", "pruner_v2"):
        return f"did you mean {meant}? A tag is written in this case"
    return f"did you mean {meant}? The kind of pruner is named by its key 'prune_type' ('pruning_type' of {PRUNER_TAGS[1]})"


def _mappings(value: Node) -> list[Mapping]:
    """What ``<<`` merges: one mapping, or each of a list of mappings; else nothing."""
    items = value.items if isinstance(value, Sequence) else [value]
    found = [item for item in items if isinstance(item, Mapping)]
    return found if len(found) == len(items) else []


def _is_ellipsis(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text in ELLIPSES


def _place(event: Any) -> Place:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _fault(event: Any, what: str, fix: str) -> Fault:
    line, column = _place(event)
    return Fault(path="$", what=what, fix=fix, line=line, column=column)


def _refuse(event: Any, what: str, fix: str) -> Refused:
    return Refused(_fault(event, what, fix))
