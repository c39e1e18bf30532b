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
    columns = _columns(lines)
    brackets = _brackets(lines)
    for candidate in (columns, brackets, _brackets(lines_of(columns))):
        if candidate != text:
            yield candidate


@attrs.define
class _Column:
    """A column of the text (``old``) and where it belongs (``new``); ``is_dash`` where list items begin."""

    old: int
    new: int
    is_dash: bool = False


def _columns(lines: list[Line]) -> str:
    """Move every line to a column that begins a section around it."""
    made: list[str] = []
    stack: list[_Column] = []
    may_open = True
    for line in lines:
        if line.is_blank or line.inside or not (line.is_key or line.dash):
            made.append(line.text)
            continue
        column = _column_of(line, stack, may_open=may_open)
        made.append(" " * column + line.text[line.indent :])
        if line.dash:
            stack.append(_Column(line.indent + line.dash, column + line.dash))
        may_open = line.is_open
    return "\n".join(made)


def _column_of(line: Line, stack: list[_Column], *, may_open: bool) -> int:
    """The column a line belongs to; the stack is left with it on top."""
    is_dash = line.dash > 0
    right: _Column | None = None
    while stack and stack[-1].old > line.indent:
        right = stack.pop()
    same = [column for column in stack if column.old == line.indent]
    if is_dash and same and not same[-1].is_dash:
        stack.append(_Column(line.indent, same[-1].new, is_dash=True))
        return stack[-1].new
    if not is_dash and same and same[-1].is_dash:
        around = [column for column in same if not column.is_dash]
        new = around[-1].new if around else same[-1].new + 2
        if around:
            del stack[stack.index(same[-1]) :]
        return new
    if same:
        return same[-1].new
    top = stack[-1].new if stack else -1
    if right is not None and (not stack or right.old - line.indent < line.indent - stack[-1].old):
        new = right.new
    elif right is None and (may_open or not stack):
        new = max(line.indent, top + 1)
    else:
        new = top
    stack.append(_Column(line.indent, new, is_dash=is_dash))
    return new


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
