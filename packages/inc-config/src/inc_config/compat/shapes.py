"""What the value of a key is made of: the schema against which a text is read and its indentation mended."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import attrs

from inc_config.compat.context import Context
from inc_config.compat.nodes import Mapping, Node, Sequence, is_empty, plain
from inc_config.compat.notes import NoteCode
from inc_config.compat.parser import PRUNER_TAGS
from inc_config.compat.values import Leaf, Reworded, WrongError, WrongItemsError
from inc_config.fields import FieldError, one_of
from inc_config.frozen import FrozenMap

SHAPE = "inc_config.compat.shape"


@runtime_checkable
class Shape(Protocol):
    """Reads one node of a settled tree, in which a section without content is an empty mapping.

    ``child`` is the shape of a key inside it, None if there can be no such key.
    """

    @property
    def hungry(self) -> bool:
        """Whether it says nothing when it is empty, so that an empty one asks for the lines that follow."""

    def child(self, key: str) -> Shape | None:
        """The shape of the value of a key."""

    def read(self, node: Node, path: str, context: Context) -> Any:
        """The value; faults go to the context, with None in their place."""


@attrs.frozen
class Value:
    """A single value or a list of such, read by a function."""

    leaf: Leaf
    hungry: bool = False

    def child(self, key: str) -> Shape | None:
        """A value has no keys."""
        return None

    def read(self, node: Node, path: str, context: Context) -> Any:
        """Call the function on plain data."""
        try:
            made = self.leaf(plain(node))
        except WrongItemsError as error:
            for index, wrong in error.items:
                context.fault(node.items[index] if isinstance(node, Sequence) else node, path, wrong.what, wrong.fix)
            return None
        except (WrongError, FieldError) as error:
            context.fault(node, path, error.what, error.fix)
            return None
        if isinstance(made, Reworded):
            context.note(NoteCode.SPELLING, node.place, path, f"{plain(node)!r} is read as {made.text}.")
            return made.value
        return made


@attrs.frozen
class Flavoured:
    """A shape that LPOT files write in more ways."""

    v1: Shape
    lpot: Shape
    hungry: bool = False

    def child(self, key: str) -> Shape | None:
        """The shape of a key in either."""
        return self.lpot.child(key)

    def read(self, node: Node, path: str, context: Context) -> Any:
        """Read by the file's flavour."""
        return self.of(context).read(node, path, context)

    def of(self, context: Context) -> Shape:
        """The shape for the file's flavour."""
        return self.lpot if context.is_lpot else self.v1


def key(shape: Shape | Leaf, *, required: bool = False, default: Any = None) -> Any:
    """A field of a section; None where the file does not say it."""
    return attrs.field(default=default, metadata={SHAPE: (as_shape(shape), required)})


def as_shape(shape: Shape | Leaf) -> Shape:
    """A shape as it is, and a reader of values as one."""
    return shape if isinstance(shape, Shape) else Value(shape)


@attrs.frozen
class _Key:
    name: str
    shape: Shape
    required: bool


class Section:
    """A mapping with known keys, read into an attrs class whose fields are made with ``key``.

    The class may offer ``faults(self)`` (of a complete section) and ``raw_faults(entries)`` (of its plain data), which yield
    ``(key, what, fix)``; an empty key means the section.

    Args:
        cls: the attrs class.
        hungry: whether an empty section says nothing.
        tag: the tags of which it must have one; a null in such an object says nothing.
        without: fields that are no keys here.
        yields: keys that belong to a section further in if that one takes them and stands at the same column;
        alone: but not where more than one of these is there.
    """

    def __init__(
        self,
        cls: type[Any],
        *,
        hungry: bool = True,
        tag: tuple[str, ...] = (),
        without: tuple[str, ...] = (),
        yields: tuple[str, ...] = (),
        alone: tuple[str, ...] = (),
    ) -> None:
        self.cls = cls
        self.hungry = hungry
        self.tag = tag
        self.without = without
        self.yields = yields
        self.alone = alone

    @cached_property
    def keys(self) -> dict[str, _Key]:
        """Known keys by name."""
        fields = [a for a in attrs.fields(self.cls) if SHAPE in a.metadata and a.name not in self.without]
        return {a.name: _Key(a.name, *a.metadata[SHAPE]) for a in fields}

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        return {name: known.shape for name, known in self.keys.items()}

    def child(self, key: str) -> Shape | None:
        """The shape of a known key."""
        return self._shapes.get(key)

    def read(self, node: Node, path: str, context: Context) -> Any:
        """Build the class; None if something is wrong or left out."""
        if self.tag and node.tag not in self.tag:
            if node.tag in (None, *PRUNER_TAGS):  # any other tag was refused in parsing
                context.fault(node, path, "An item here is an object.", f"write '- {self.tag[0]}' and its settings below it")
            return None
        if not isinstance(node, Mapping):
            context.fault(node, path, f"The value cannot be {plain(node)!r:.100}.", f"write keys below: {', '.join(self.keys)}")
            return None
        return self._build(node, path, context)

    def _build(self, node: Mapping, path: str, context: Context) -> Any:
        before = len(context.faults)
        values: dict[str, Any] = {}
        given: set[str] = set()
        for entry in context.unique(node, path):
            inner = f"{path}.{entry.key}"
            context.places[inner] = entry.place
            known = self.keys.get(entry.key)
            if known is None:
                context.fault_at(entry.place, inner, f"Unknown key {entry.key!r:.100}.", one_of(entry.key, self.keys))
                continue
            if self.tag and is_empty(entry.value):
                continue
            given.add(entry.key)
            made = known.shape.read(entry.value, inner, context)
            if made is not None:
                values[entry.key] = made
        missing = [name for name, known in self.keys.items() if known.required and name not in given]
        left_out = [name for name, known in self.keys.items() if known.required and name in given and name not in values]
        if missing and not node.elided:
            for name in missing:
                context.fault(node, path, f"Missing key {name!r}.", f"add {name!r}")
        if len(context.faults) > before:
            return None
        if missing or left_out:
            context.left_out(path, node.place)
            return None
        if hasattr(self.cls, "raw_faults"):
            self._check(self.cls.raw_faults(plain(node)), node, path, context)
        made = self.cls(**values)
        faults = list(made.faults()) if hasattr(self.cls, "faults") else []
        if node.elided and any(not name for name, _, _ in faults):
            context.left_out(path, node.place)
            return None
        self._check(faults, node, path, context)
        return made

    def _check(self, faults: Iterable[tuple[str, str, str]], node: Mapping, path: str, context: Context) -> None:
        for name, what, fix in faults:
            inner = f"{path}.{name}" if name else path
            context.fault_at(context.places.get(inner, node.place), inner, what, fix)


@attrs.frozen
class Each:
    """A mapping with keys of the user's own and values of one shape, such as settings by operator name."""

    shape: Shape
    hungry: bool = True

    @property
    def others(self) -> Shape:
        """The shape of a key that is not known by name."""
        return self.shape

    def child(self, key: str) -> Shape | None:
        """No key is known by name."""
        return None

    def read(self, node: Node, path: str, context: Context) -> FrozenMap[str, Any] | None:
        """Keys in order with what was read."""
        if not isinstance(node, Mapping):
            context.fault(node, path, f"The value cannot be {plain(node)!r:.100}.", "write names, and settings below each")
            return None
        found: dict[str, Any] = {}
        for entry in context.unique(node, path):
            inner = f"{path}.{entry.key}"
            context.places[inner] = entry.place
            made = self.shape.read(entry.value, inner, context)
            if made is not None:
                found[entry.key] = made
        return FrozenMap(found)


@attrs.frozen
class ListOf:
    """A list of sections."""

    shape: Section
    hungry: bool = True

    def child(self, key: str) -> Shape | None:
        """A list has no keys."""
        return None

    def read(self, node: Node, path: str, context: Context) -> tuple[Any, ...] | None:
        """The items in order."""
        if is_empty(node):
            return ()
        if not isinstance(node, Sequence):
            context.fault(node, path, f"The value cannot be {plain(node)!r:.100}.", "write a list: one '- ' per item")
            return None
        return tuple(self.shape.read(item, f"{path}[{index}]", context) for index, item in enumerate(node.items))
