"""A text line by line, as far as its structure goes: quotes and comments blanked out, brackets counted."""

from __future__ import annotations

import re

import attrs

QUOTED = r"(?<![^\s\[{,:，：])(?:\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\n]|'')*+'?)|(?:^|(?<=\s))#[^\n]*"
"""Quoted text (to the end of the line where nothing closes it, so that no text is scanned twice) and comments."""
_QUOTED = re.compile(QUOTED)
_KEY = re.compile(r"(?:[^\s:,\[\]{}#]|:(?=\S))(?:[^:#]|:(?=\S)|(?<=\S)#)*:(?=\s|$)")
_OPEN = re.compile(r":[ ]*(?:![\w/]+|&\w+)?[ ]*$")
_DASH = re.compile(r"-[ ]+|-$")


@attrs.frozen
class Line:
    """One line; ``bare`` is its content with quoted text and comments blanked out, ``inside`` whether it begins in brackets."""

    text: str
    bare: str
    indent: int
    inside: bool

    @property
    def is_blank(self) -> bool:
        """Nothing but blanks and comments."""
        return not self.bare.strip()

    @property
    def is_structure(self) -> bool:
        """Whether it begins a key or a list item, outside brackets."""
        return not self.is_blank and not self.inside and (self.is_key or self.dash > 0)

    @property
    def dash(self) -> int:
        """The width of ``- `` at its begin, 0 without."""
        match = _DASH.match(self.bare, self.indent)
        return len(match[0]) if match else 0

    @property
    def is_key(self) -> bool:
        """Whether it begins with a key (behind a dash or not)."""
        return _KEY.match(self.bare, self.indent + self.dash) is not None

    @property
    def holds_keys(self) -> bool:
        """Whether it is a list item that is a mapping: empty so far, an object, or begun with a key."""
        return self.dash > 0 and (self.is_key or self.bare[self.indent + self.dash :].strip()[:1] in ("", "!"))

    @property
    def is_open(self) -> bool:
        """Whether its value is to follow below."""
        return _OPEN.search(self.bare) is not None or (self.dash > 0 and self.bare[self.indent + 1 :].strip()[:1] in ("", "!"))


def lines_of(text: str) -> list[Line]:
    """The lines of a text with LF line ends."""
    made: list[Line] = []
    depth = 0
    for line in text.split("\n"):
        bare = _QUOTED.sub(lambda match: (" " if match[0][0] == "#" else "x") * len(match[0]), line)
        made.append(Line(line, bare, len(line) - len(line.lstrip(" ")), depth > 0))
        depth = max(0, depth + sum(map(bare.count, "[{")) - sum(map(bare.count, "]}")))
    return made
