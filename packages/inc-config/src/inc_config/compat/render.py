"""A tree of nodes as YAML text, to show how a document was read."""

from __future__ import annotations

from collections.abc import Iterator

from inc_config.compat.nodes import Mapping, Node, Scalar, Sequence

MAX_LINES = 60
"""A note shows no more."""


def render(node: Node, *, key: str = "") -> str:
    """The node as it would stand in a file, below its key; cut after ``MAX_LINES`` lines."""
    lines = list(_value(key, node, "")) if key else list(_lines(node, ""))
    return "\n".join(lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], f"# and {len(lines) - MAX_LINES} lines more"])


def _lines(node: Node, indent: str) -> Iterator[str]:
    """The lines of a mapping or sequence that is not in brackets."""
    for entry in node.entries if isinstance(node, Mapping) else ():
        yield from _value(entry.key, entry.value, indent)
    for item in node.items if isinstance(node, Sequence) else ():
        tag = f" {item.tag}" if item.tag else ""
        yield f"{indent}-{tag}" + ("" if _is_block(item) else f" {_inline(item)}")
        if _is_block(item):
            yield from _lines(item, indent + "  ")


def _value(key: str, node: Node, indent: str) -> Iterator[str]:
    if _is_block(node):
        yield f"{indent}{key}:" + (f" {node.tag}" if node.tag else "")
        yield from _lines(node, indent + "  ")
    else:
        yield f"{indent}{key}: {_inline(node)}".rstrip()


def _is_block(node: Node) -> bool:
    return isinstance(node, Mapping | Sequence) and not node.flow


def _inline(node: Node) -> str:
    if isinstance(node, Scalar):
        return node.text if node.plain else repr(node.text)
    if isinstance(node, Mapping):
        return "{" + ", ".join(f"{entry.key}: {_inline(entry.value)}" for entry in node.entries) + "}"
    return f"[{', '.join(map(_inline, node.items))}]" if isinstance(node, Sequence) else ""
