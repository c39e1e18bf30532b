"""Mend the indentation of a tree against the schema: a key that stands too far to the left goes where alone it fits."""

from __future__ import annotations

from inc_config.compat.context import Context
from inc_config.compat.named_shapes import Arguments
from inc_config.compat.nodes import Entry, Mapping, Node, Scalar, Sequence, is_empty
from inc_config.compat.notes import NoteCode
from inc_config.compat.render import render
from inc_config.compat.shapes import Flavoured, ListOf, Section, Shape, Value


class _Open:
    """A section whose lines may still follow.

    ``last`` is the section that was written last in it; ``was_empty`` says that nothing stood in it as written, ``moved`` that it is not
    where it was written.
    """

    __slots__ = ("key", "keys", "last", "moved", "node", "parent", "path", "shape", "was_empty")

    def __init__(self, node: Mapping, shape: Shape, path: str, key: str, parent: _Open | None, *, was_empty: bool, moved: bool) -> None:
        self.node = node
        self.shape = shape
        self.path = path
        self.key = key
        self.parent = parent
        self.was_empty = was_empty
        self.moved = moved
        self.keys: set[str] = set()
        self.last: _Open | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether the key is known here by name and not there yet, and its value can be one."""
        shape = self.shape.child(entry.key)
        if shape is None or entry.key in self.keys or self._is_named:
            return False
        return _holds_no_keys(shape) or not isinstance(entry.value, Scalar) or is_empty(entry.value)

    def takes_any(self, entry: Entry) -> bool:
        """Whether keys of the user's own stand here, and the section was empty as written or the value looks like one of its values."""
        if self._others is None or entry.key in self.keys:
            return False
        return self.was_empty or (
            isinstance(entry.value, Mapping)
            and len(entry.value.entries) > 0
            and all(self._others.child(inner.key) is not None for inner in entry.value.entries)
        )

    def shape_of(self, key: str, context: Context) -> Shape | None:
        """The shape of the value of a key."""
        shape = self.shape.child(key) or self._others
        return shape.of(context) if isinstance(shape, Flavoured) else shape

    def keeps(self, key: str) -> bool:
        """Whether the key does not give way to a section further in that takes it as well."""
        return not isinstance(self.shape, Section) or key not in self.shape.yields or len(self.keys.intersection(self.shape.alone)) > 1

    @property
    def _others(self) -> Shape | None:
        return getattr(self.shape, "others", None)

    @property
    def _is_named(self) -> bool:
        """Whether keys of the user's own stand here, so that no other can."""
        return self._others is not None and any(self.shape.child(key) is None for key in self.keys)

    @property
    def asks(self) -> bool:
        """Whether the section says nothing without the lines that follow."""
        return self.was_empty and not self.keys and self.shape.hungry


def settle(node: Node, shape: Shape, context: Context) -> Node:
    """A tree in which every key stands where the schema knows it; the given one is not changed.

    Keys that fit nowhere stay where they are, to be reported by the reading; a key that fits in several places is a fault.
    """
    settling = _Settling(context)
    section = settling.open(node, shape, "$")
    settling.tell()
    return node if section is None else section.node


class _Settling:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._mended: dict[str, _Open] = {}

    def open(self, node: Node, shape: Shape, path: str, key: str = "", parent: _Open | None = None, *, moved: bool = False) -> _Open | None:
        """Settle a value that can hold keys; None for any other."""
        if isinstance(node, Sequence) and node.items:
            node = self._without_dashes(node, path, key)
        if is_empty(node):
            return _Open(Mapping(node.place, [], flow=False, tag=node.tag), shape, path, key, parent, was_empty=True, moved=moved)
        if not isinstance(node, Mapping):
            return None
        made = Mapping(node.place, [], flow=node.flow, tag=node.tag, elided=node.elided)
        section = _Open(made, shape, path, key, parent, was_empty=False, moved=moved)
        for entry in node.entries:
            home = section if node.flow else self._home(section, entry)
            self._add(home, entry, moved=home is not section)
        return section

    def _add(self, section: _Open, entry: Entry, *, moved: bool) -> None:
        shape = section.shape_of(entry.key, self._context)
        made = Entry(entry.key, entry.place, entry.value)
        section.node.entries.append(made)
        section.keys.add(entry.key)
        section.last = None
        path = f"{section.path}.{entry.key}"
        child: _Open | None = None
        if isinstance(shape, ListOf):
            if isinstance(entry.value, Sequence):
                made.value, child = self._list(entry.value, shape, path, section)
        elif shape is not None and not _holds_no_keys(shape):
            child = self.open(entry.value, shape, path, entry.key, section, moved=moved)
            made.value = entry.value if child is None else child.node
        if section.last is None and child is not None and not child.node.flow:
            section.last = child

    def _list(self, node: Sequence, shape: ListOf, path: str, parent: _Open) -> tuple[Sequence, _Open | None]:
        opened = [self.open(item, shape.shape, f"{path}[{index}]", "-", parent) for index, item in enumerate(node.items)]
        items = [item if section is None else section.node for item, section in zip(node.items, opened, strict=True)]
        return Sequence(node.place, items, flow=node.flow, tag=node.tag), opened[-1] if opened and not node.flow else None

    def _home(self, here: _Open, entry: Entry) -> _Open:
        """The section that an entry written in ``here`` belongs to."""
        deeper = _written_last(here)
        fitting = [section for section in deeper if section.takes(entry) and (section.was_empty or entry.key not in here.keys)]
        if here.takes(entry):
            flat = [section for section in fitting if section.was_empty and section.keys]
            if fitting and fitting[0] is deeper[0] and deeper[0].asks:
                flat = [deeper[0]]
            elif flat and here.keeps(entry.key):
                self._ambiguous(entry, [here, *fitting])
            return self._mend(flat[0]) if flat else here
        if not fitting:
            fitting = [section for section in deeper if section.takes_any(entry)][-1:] or _around(here, entry)
        if len(fitting) > 1:
            innermost = fitting[-1]
            if innermost.asks or (innermost.was_empty and not any(section.keeps(entry.key) for section in fitting[:-1])):
                return self._mend(innermost)
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


def _written_last(section: _Open) -> list[_Open]:
    """The section that was written last in a section, the one written last in that, and so on."""
    chain: list[_Open] = []
    last = section.last
    while last is not None:
        chain.append(last)
        last = last.last
    return chain


def _around(section: _Open, entry: Entry) -> list[_Open]:
    """The section around a moved one that takes a key: what stands beside the moved one as it should be seems to stand inside it."""
    moved = False
    around: _Open | None = section
    while around is not None:
        if moved and around.takes(entry):
            return [around]
        moved |= around.moved
        around = around.parent
    return []


def _holds_no_keys(shape: Shape) -> bool:
    if isinstance(shape, Flavoured):
        shape = shape.lpot
    return isinstance(shape, Value) or (isinstance(shape, Arguments) and bool(shape.scalar))
