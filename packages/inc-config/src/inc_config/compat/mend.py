"""Mend text that is no YAML: uneven columns, missing commas and surplus brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from inc_config.compat.lines import Line, lines_of

_BLOCK_TEXT = re.compile(r"[:-][ ]+[|>][-+0-9]*[ ]*$")
_CLOSERS = {"{": "}", "[": "]"}


def mended(text: str) -> Iterator[str]:
    """Texts with the same lines that may be what was meant, the likeliest first."""
    lines = lines_of(text)
    if any(_BLOCK_TEXT.search(line.bare) for line in lines):
        return
    columns = _columns(lines, into_items=False)
    brackets = _brackets(lines)
    into_items = _columns(lines, into_items=True)
    for candidate in dict.fromkeys((columns, brackets, _brackets(lines_of(columns)), into_items)):
        if candidate != text:
            yield candidate


@attrs.define
class _Column:
    """A column of the text (``old``) and where it belongs (``new``).

    ``is_dash`` where list items begin, ``holds_keys`` where these are mappings.
    """

    old: int
    new: int
    is_dash: bool = False
    holds_keys: bool = False


def _columns(lines: list[Line], *, into_items: bool) -> str:
    """Move every line to a column that begins a section around it.

    ``into_items`` reads keys in the column of the dashes of a list that stands in the column of its key as settings of its items.
    """
    made: list[str] = []
    stack: list[_Column] = []
    may_open = True
    following = _following(lines)
    for line, after in zip(lines, following, strict=True):
        if not line.is_structure:
            made.append(line.text)
            continue
        if after > line.indent and not line.is_open and any(column.old == after for column in stack):
            line = attrs.evolve(line, indent=after, bare=" " * (after - line.indent) + line.bare)  # noqa: PLW2901  (stands too far left)
        column = _column_of(line, stack, may_open=may_open, into_items=into_items)
        made.append(" " * column + line.text.lstrip(" "))
        if line.holds_keys:
            stack.append(_Column(line.indent + line.dash, column + line.dash))
        may_open = line.is_open
    return "\n".join(made)


def _following(lines: list[Line]) -> list[int]:
    """For each line the column of the next one that begins a key or an item, 0 at the end."""
    made = [0] * len(lines)
    column = 0
    for index in range(len(lines) - 1, -1, -1):
        made[index] = column
        if lines[index].is_structure:
            column = lines[index].indent
    return made


def _column_of(line: Line, stack: list[_Column], *, may_open: bool, into_items: bool) -> int:
    """The column a line belongs to; the stack is left with it on top."""
    ended: list[_Column] = []
    while stack and stack[-1].old > line.indent:
        ended.append(stack.pop())
    is_dash = line.dash > 0
    dashes = [column for column in ended if column.is_dash] or (ended[:1] if may_open else [])
    if is_dash and dashes:  # an item of the list that just ended, or of the key that asks for one
        new = dashes[-1].new
        stack.append(_Column(line.indent, new, is_dash=True))
    elif stack and stack[-1].old == line.indent and (stack[-1].is_dash or not is_dash):
        new = stack[-1].new if is_dash or not stack[-1].is_dash else _beside_dash(stack, into_items=into_items)
    elif not ended and (may_open or not stack):
        new = max(line.indent, stack[-1].new + (stack[-1].old < line.indent) if stack else 0)
        stack.append(_Column(line.indent, new, is_dash=is_dash))
    else:
        new = _nearest(line.indent, stack, ended[-1] if ended else None)
        stack.append(_Column(line.indent, new, is_dash=is_dash))
    if is_dash:
        stack[-1].holds_keys = line.holds_keys
    return new


def _beside_dash(stack: list[_Column], *, into_items: bool) -> int:
    """The column of a key in the column of a dash: inside the item, if that can hold keys, or behind the list."""
    if not into_items and len(stack) > 1 and stack[-2].old == stack[-1].old:  # a list in the column of its own key
        stack.pop()
    elif stack[-1].holds_keys:
        return stack[-1].new + 2
    return _section(stack)


def _section(stack: list[_Column]) -> int:
    """The column of the innermost section, lists left out."""
    return next((column.new for column in reversed(stack) if not column.is_dash), 0)


def _nearest(indent: int, stack: list[_Column], right: _Column | None) -> int:
    """The column of the section around, or of the one that just ended if that is nearer."""
    if right is not None and (not stack or right.old - indent < indent - stack[-1].old):
        return right.new
    return _section(stack)


def _brackets(lines: list[Line]) -> str:
    """Put commas between entries of a mapping in braces, and drop brackets that close nothing."""
    made: list[str] = []
    depth: list[str] = []
    needs_comma = False
    for line in lines:
        first = line.bare.strip()[:1]
        if needs_comma and depth and first and first not in ",]}":
            last = next(index for index in range(len(made) - 1, -1, -1) if lines[index].bare.strip())
            end = len(lines[last].bare.rstrip())
            made[last] = f"{made[last][:end]},{made[last][end:]}"
        made.append(_closed(line, depth))
        bare = line.bare.strip()
        if bare:
            needs_comma = bare[-1] in "]}"
    return "\n".join(made)


def _closed(line: Line, depth: list[str]) -> str:
    """The line without brackets that close nothing; a bracket behind other text closes what the line itself opened."""
    kept: list[str] = []
    opened = 0
    for index, letter in enumerate(line.bare):
        if letter in _CLOSERS:
            depth.append(letter)
            opened += 1
        elif letter in _CLOSERS.values():
            is_first = not line.bare[:index].strip(" ]}")
            if not depth or _CLOSERS[depth[-1]] != letter or not (opened or is_first):
                continue
            depth.pop()
            opened = max(0, opened - 1)
        kept.append(line.text[index])
    return "".join([*kept, line.text[len(line.bare) :]])
