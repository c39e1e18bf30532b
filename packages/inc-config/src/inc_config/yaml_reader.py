"""YAML text to plain data with the place of every value: safe, bounded in time and memory, and without executing anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs
import yaml

from inc_config.collection import paused_collection
from inc_config.errors import ConfigError, Fault
from inc_config.scalars import resolve

MAX_CHARACTERS = 10_000_000
MAX_DEPTH = 60
MAX_NODES = 500_000
"""Values in one document: more is a mistake."""
MAX_ALIASED = 200_000
"""Values that aliases repeat: more is an attack."""

_READABLE = re.compile("[\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
"""Characters of YAML's set (yaml.org/spec/1.2.2, production c-printable)."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN_TAGS = {None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str"}
_RESOLVED_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null")}

Place = tuple[int, int]


@attrs.frozen
class Document:
    """Plain data and the line and column (from 1) of every value by its JSON path.

    ``faults`` are what is wrong in the text but leaves data to look at: duplicate keys, object tags, keys that are no strings.
    """

    data: Any
    places: dict[str, Place]
    faults: tuple[Fault, ...] = ()

    def locate(self, fault: Fault) -> Fault:
        """Add line and column: the value's own, or of the nearest thing around it."""
        line, column = self.places.get(self.nearest(fault.path), (None, None))
        return attrs.evolve(fault, line=line, column=column)

    def nearest(self, path: str) -> str:
        """The path itself, or that of the nearest thing around it that is there."""
        while path not in self.places and path != "$":
            path = path[: max(path.rfind("."), path.rfind("["))] or "$"
        return path


def read_yaml(text: str, *, source: str = "") -> Document:
    """Read one YAML document without faults.

    Raises:
        ConfigError: not YAML, too large or too deep; or with duplicate keys, object tags or keys that are no strings, which are all listed.
    """
    document = read_with_faults(text, source=source)
    if document.faults:
        raise ConfigError(document.faults, source=source)
    return document


@paused_collection()
def read_with_faults(text: str, *, source: str = "") -> Document:
    """Read one YAML document as far as it can be read.

    Raises:
        ConfigError: not YAML, too large or too deep.
    """
    if len(text) > MAX_CHARACTERS:
        what = f"The text has {len(text)} characters, more than {MAX_CHARACTERS}."
        raise ConfigError([Fault(path="$", what=what, fix="give a configuration file")], source=source)
    reader = _Reader(text)
    try:
        data = reader.document()
    except (yaml.YAMLError, UnicodeError) as error:
        raise ConfigError([fault_of(error, text)], source=source) from error
    except _Refused as refused:
        raise ConfigError([*reader.faults, refused.fault], source=source) from refused
    return Document(data, reader.places, tuple(reader.faults))


def fault_of(error: yaml.YAMLError | UnicodeError, text: str) -> Fault:
    """What a parser says of a text that is no YAML, with its place."""
    if isinstance(error, yaml.MarkedYAMLError):
        line, column = _place(error.problem_mark or error.context_mark)
        what = " ".join(part for part in ("Not YAML:", error.context, error.problem) if part) + "."
        has_tab = any("\t" in found[: column + 1] for found in text.split("\n")[line - 1 : line])
        fix = (
            "indent by spaces: there is a tab in this line"
            if has_tab
            else "mend the text at this place (indentation by spaces, quotes, brackets)"
        )
        return Fault(path="$", what=what, fix=fix, line=line, column=column)
    start = next(_READABLE.finditer(text)).end()
    what = f"Not YAML: the character {text[start : start + 1]!r} is none that a text may hold."
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    return Fault(path="$", what=what, fix="delete the character; is it a text file?", line=line, column=column)


class _Refused(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


@attrs.frozen
class _Anchor:
    data: Any
    nodes: int


class _Reader:
    """Builds values from parser events, which never nest in the parser's own stack."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0
        self._aliased = 0
        self.places: dict[str, Place] = {}
        self.faults: list[Fault] = []

    def document(self) -> Any:
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return None
        data = self._value(next(self._events), "$", 0)
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._refuse(event, "$", "The file holds more than one document.", "keep one document per file (no second '---')")
        return data

    def _value(self, event: Any, path: str, depth: int) -> Any:
        self.places[path] = _place(event.start_mark)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refuse(event, path, f"More than {MAX_NODES} values.", "give a configuration file")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        before = self._nodes + self._aliased
        if isinstance(event, yaml.ScalarEvent):
            data = self._scalar(event, path)
        elif depth >= MAX_DEPTH:
            raise self._refuse(event, path, f"Nested deeper than {MAX_DEPTH} levels.", "flatten the document")
        else:
            self._check_tag(event, path, _PLAIN_TAGS)
            data = self._mapping(path, depth) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path, depth)
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(data, self._nodes + self._aliased - before + 1)
        return data

    def _alias(self, event: Any, path: str) -> Any:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            raise self._refuse(event, path, f"*{event.anchor} stands before or inside &{event.anchor}.", "repeat the value instead")
        self._aliased += anchor.nodes
        if self._aliased > MAX_ALIASED:
            what = f"More than {MAX_ALIASED} values come from aliases."
            raise self._refuse(event, path, what, "give a configuration file, without nested anchors")
        return anchor.data

    def _scalar(self, event: Any, path: str) -> Any:
        self._check_tag(event, path, _PLAIN_TAGS | _RESOLVED_TAGS)
        is_plain = event.implicit[0] or event.tag in _RESOLVED_TAGS
        return resolve(event.value) if is_plain else event.value

    def _sequence(self, path: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, f"{path}[{len(items)}]", depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path, depth)
            inner = f"{path}.{key}"
            if key in items:
                line = self.places[inner][0]
                self._fault(event, inner, f"The key {key!r} stands twice; first in line {line}.", "keep one of them")
                self._value(next(self._events), f"{path}.?", depth + 1)
            else:
                items[key] = self._value(next(self._events), inner, depth + 1)
                self.places[inner] = _place(event.start_mark)
        return items

    def _key(self, event: Any, path: str, depth: int) -> str:
        key = self._value(event, f"{path}.?", depth + 1)
        if isinstance(key, str):
            return key
        self._fault(event, path, f"The key {key!r:.100} is not a string.", "write a name, in quotes where it looks like a number")
        return str(key)[:100]

    def _check_tag(self, event: Any, path: str, allowed: set[str | None]) -> None:
        if event.tag not in allowed:
            self._fault(
                event, path, f"The tag {event.tag!r:.100} is not accepted.", "write plain values; objects cannot be made from a file"
            )

    def _fault(self, event: Any, path: str, what: str, fix: str) -> None:
        line, column = _place(event.start_mark)
        self.faults.append(Fault(path=path, what=what, fix=fix, line=line, column=column))

    def _refuse(self, event: Any, path: str, what: str, fix: str) -> _Refused:
        line, column = _place(event.start_mark)
        return _Refused(Fault(path=path, what=what, fix=fix, line=line, column=column))


def _place(mark: Any) -> Place:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
