"""Shapes of what is found by name: datasets, transforms, metrics, criteria, optimizers, each with its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as AbstractMapping
from typing import Any

from inc_config.compat.context import Context
from inc_config.compat.nodes import Mapping, Node, plain
from inc_config.compat.shapes import Shape, as_shape
from inc_config.compat.values import Leaf
from inc_config.fields import one_of
from inc_config.frozen import FrozenMap
from inc_config.named import Named


class Arguments:
    """The arguments of something that is found by name; ``scalar`` names the argument that may stand alone (``topk: 1``)."""

    def __init__(
        self,
        leaves: AbstractMapping[str, Leaf | Shape] | None = None,
        *,
        required: Iterable[str] = (),
        scalar: str = "",
        check: Callable[[FrozenMap[str, Any]], Iterable[tuple[str, str, str]]] | None = None,
    ) -> None:
        self.leaves = {name: as_shape(leaf) for name, leaf in (leaves or {}).items()}
        self.required = tuple(required)
        self.scalar = scalar
        self.hungry = bool(self.required)
        self._check = check

    def child(self, key: str) -> Shape | None:
        """The shape of a known argument."""
        return None if self.scalar else self.leaves.get(key)

    def read(self, node: Node, path: str, context: Context) -> FrozenMap[str, Any] | None:
        """The arguments; None if something is wrong."""
        if self.scalar:
            found = self.leaves[self.scalar].read(node, path, context)
            return None if found is None else FrozenMap({self.scalar: found})
        if not isinstance(node, Mapping):
            fix = f"write arguments below: {', '.join(self.leaves)}" if self.leaves else "it takes no arguments"
            context.fault(node, path, f"The value cannot be {plain(node)!r:.100}.", fix)
            return None
        return self._arguments(node, path, context)

    def _arguments(self, node: Mapping, path: str, context: Context) -> FrozenMap[str, Any] | None:
        before = len(context.faults)
        found: dict[str, Any] = {}
        for entry in context.unique(node, path):
            inner = f"{path}.{entry.key}"
            context.places[inner] = entry.place
            if entry.key in self.leaves:
                found[entry.key] = self.leaves[entry.key].read(entry.value, inner, context)
            else:
                fix = one_of(entry.key, self.leaves) if self.leaves else "it takes no arguments; delete the line"
                context.fault_at(entry.place, inner, f"Unknown argument {entry.key!r:.100}.", fix)
        missing = [name for name in self.required if name not in found]
        for name in [] if node.elided else missing:
            context.fault(node, path, f"Missing argument {name!r}.", f"add {name!r}")
        if len(context.faults) > before:
            return None
        if missing:
            context.left_out(path, node.place)
            return None
        made = FrozenMap(found)
        for name, what, fix in self._check(made) if self._check else ():
            context.fault(node, f"{path}.{name}", what, fix)
        return made


class Names:
    """An ordered mapping of names to arguments, read into a tuple of ``Named``.

    Args:
        catalogue: arguments by name.
        kind: what a name stands for, in messages.
        least: how many there must be, at least.
        most: and at most.
    """

    hungry = True

    def __init__(self, catalogue: AbstractMapping[str, Arguments], kind: str, *, least: int = 1, most: int = 1_000) -> None:
        self.catalogue = catalogue
        self.kind = kind
        self.least = least
        self.most = most

    def child(self, key: str) -> Shape | None:
        """The shape of a known name's arguments."""
        return self.catalogue.get(key)

    def read(self, node: Node, path: str, context: Context) -> tuple[Named, ...] | None:
        """The names in order; None if something is wrong or everything is left out."""
        if not isinstance(node, Mapping):
            context.fault(node, path, f"The value cannot be {plain(node)!r:.100}.", f"write the name of a {self.kind} below, as a key")
            return None
        made: list[Named] = []
        for entry in context.unique(node, path):
            inner = f"{path}.{entry.key}"
            context.places[inner] = entry.place
            arguments = self.catalogue.get(entry.key)
            if arguments is None:
                context.fault_at(entry.place, inner, f"Unknown {self.kind} {entry.key!r:.100}.", one_of(entry.key, self.catalogue))
            elif (args := arguments.read(entry.value, inner, context)) is not None:
                made.append(Named(entry.key, args))
        return self._count(node, made, path, context)

    def _count(self, node: Mapping, made: list[Named], path: str, context: Context) -> tuple[Named, ...] | None:
        entries = len(node.entries)
        if entries < self.least and node.elided:
            context.left_out(path, node.place)
        elif entries < self.least:
            context.fault(node, path, f"No {self.kind} is named.", one_of("", self.catalogue))
        elif entries > self.most:
            context.fault(node, path, f"More than {self.most} {self.kind} is named.", "keep one")
        return tuple(made) if len(made) >= self.least else None
