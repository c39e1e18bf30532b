"""Mend the indentation of a tree against the schema: a key that stands too far to the left goes where alone it fits."""

from __future__ import annotations

from inc_config.compat.context import Context
from inc_config.compat.nodes import Entry, Mapping, Node, Scalar, Sequence, is_empty
from inc_config.compat.notes import NoteCode
from inc_config.compat.render import render
from inc_config.compat.shapes import Arguments, Each, Flavoured, ListOf, Shape, Value


class _Open:
    """A section whose lines may still follow.

    ``last`` is the section that was written last in it; ``was_empty`` says that nothing stood in it as written.
    """

    __slots__ = ("key", "keys", "last", "node", "path", "shape", "was_empty")

    def __init__(self, node: Mapping, shape: Shape, path: str, key: str, *, was_empty: bool) -> None:
        self.node = node
        self.shape = shape
        self.path = path
        self.key = key
        self.was_empty = was_empty
        self.keys: set[str] = set()
        self.last: _Open | None = None

    def takes(self, key: str) -> bool:
        """Whether the key is known here and not there yet."""
        return key not in self.keys and not isinstance(self.shape, Each) and self.shape.child(key) is not None

    def takes_any(self, key: str) -> bool:
        """Whether the user's own keys stand here, and nothing as written says that the section has ended."""
        return isinstance(self.shape, Each) and self.was_empty and key not in self.keys

    @property
    def asks(self) -> bool:
        """Whether the section says nothing without the lines that follow."""
        return self.was_empty and not self.keys and self.shape.hungry


def settle(node: Node, shape: Shape, context: Context) -> Node:
    """A tree in which every key stands where the schema knows it; the given one is not changed.

    Keys that fit nowhere stay where they are, to be reported by the reading; a key that fits in several places is a fault.
    """
    settling = _Settling(context)
    section = settling.open(node, shape, "$", "")
    settling.tell()
    return node if section is None else section.node


class _Settling:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._mended: dict[str, _Open] = {}

    def open(self, node: Node, shape: Shape, path: str, key: str) -> _Open | None:
        """Settle a value that can hold keys; None for any other."""
        if isinstance(node, Sequence) and node.items:
            node = self._without_dashes(node, path, key)
        if is_empty(node):
            return _Open(Mapping(node.place, [], flow=False, tag=node.tag), shape, path, key, was_empty=True)
        if not isinstance(node, Mapping):
            return None
        made = Mapping(node.place, [], flow=node.flow, tag=node.tag, elided=node.elided)
        section = _Open(made, shape, path, key, was_empty=False)
        for entry in node.entries:
            self._add(section if node.flow else self._home(section, entry), entry)
        return section

    def _add(self, section: _Open, entry: Entry) -> None:
        shape = section.shape.child(entry.key)
        made = Entry(entry.key, entry.place, entry.value)
        section.node.entries.append(made)
        section.keys.add(entry.key)
        section.last = None
        path = f"{section.path}.{entry.key}"
        if isinstance(shape, ListOf):
            if isinstance(entry.value, Sequence):
                made.value, section.last = self._list(entry.value, shape, path)
        elif shape is not None and not _holds_no_keys(shape):
            child = self.open(entry.value, shape, path, entry.key)
            if child is not None:
                made.value, section.last = child.node, None if child.node.flow else child

    def _list(self, node: Sequence, shape: ListOf, path: str) -> tuple[Sequence, _Open | None]:
        opened = [self.open(item, shape.shape, f"{path}[{index}]", "-") for index, item in enumerate(node.items)]
        items = [item if section is None else section.node for item, section in zip(node.items, opened, strict=True)]
        return Sequence(node.place, items, flow=node.flow, tag=node.tag), opened[-1] if opened and not node.flow else None

    def _home(self, here: _Open, entry: Entry) -> _Open:
        """The section that an entry written in ``here`` belongs to."""
        key = entry.key
        deeper: list[_Open] = []
        while (section := (deeper[-1] if deeper else here).last) is not None:
            deeper.append(section)
        if not deeper:
            return here
        fitting = [section for section in deeper if section.takes(key) and (section.was_empty or key not in here.keys)]
        if here.takes(key):
            if deeper[0].asks and fitting[:1] == deeper[:1]:
                return self._mend(deeper[0])
            if any(section.was_empty and section.keys for section in fitting):
                self._ambiguous(entry, [here, *fitting])
            return here
        if not fitting:
            fitting = [section for section in deeper if section.takes_any(key)][-1:]
        if len(fitting) > 1:
            self._ambiguous(entry, fitting)
        return self._mend(fitting[0]) if fitting else here

    def _mend(self, section: _Open) -> _Open:
        self._mended.setdefault(section.path, section)
        return section

    def _ambiguous(self, entry: Entry, fitting: list[_Open]) -> None:
        paths = " or ".join(section.path for section in fitting)
        what = f"The key {entry.key!r:.100} could belong to {paths}."
        self._context.fault_at(entry.place, f"{fitting[0].path}.{entry.key}", what, "indent it below the section it belongs to")

    def _without_dashes(self, node: Sequence, path: str, key: str) -> Node:
        """Read ``- ImageFolder:`` as ``ImageFolder:``."""
        entries: list[Entry] = []
        for item in node.items:
            if isinstance(item, Mapping):
                entries += item.entries
            elif isinstance(item, Scalar) and isinstance(item.value, str):
                entries.append(Entry(item.text, item.place, Scalar(item.place, None)))
            else:
                return node
        made = Mapping(node.place, entries, flow=False)
        text = f"A list where the schema has none; read as:\n{render(made, key=key)}"
        self._context.note(NoteCode.SPELLING, node.place, path, text)
        return made

    def tell(self) -> None:
        """One note per mended part of the text, with the text as it was read."""
        for path, section in self._mended.items():
            if not any(path.startswith((f"{other}.", f"{other}[")) for other in self._mended):
                text = f"Lines stand too far to the left; read as:\n{render(section.node, key=section.key)}"
                self._context.note(NoteCode.INDENTATION, section.node.place, path, text)


def _holds_no_keys(shape: Shape) -> bool:
    return isinstance(shape, Value | Flavoured) or (isinstance(shape, Arguments) and bool(shape.scalar))
