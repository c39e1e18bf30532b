"""Text as people paste it: lone ``...`` lines and full-width commas, which are no YAML, become YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from inc_config.compat.notes import Note, NoteCode
from inc_config.compat.parser import Elision

_LONE = re.compile(r"^([ ]*)(?:-[ ]+)?(?:\.\.\.|…)[ ]*(?:#.*)?$")
_OPEN_KEY = re.compile(r"^(?:[ ]*-)?[ ]*[^#\s][^#]*:[ ]*(?:#.*)?$")
_TOKEN = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\n]|'')*'|(?:^|(?<=\s))#[^\n]*|，", re.MULTILINE)


@attrs.frozen
class Prepared:
    """YAML text with the same lines, and what was taken out of it.

    ``open_keys`` are the lines of keys whose value was ``...``; ``loose`` are the other lone ``...``.
    """

    text: str
    open_keys: frozenset[int] = frozenset()
    loose: tuple[Elision, ...] = ()
    notes: tuple[Note, ...] = ()


def prepare(text: str) -> Prepared:
    """Take out what stands for something left out, and mend commas."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    notes: list[Note] = []
    if "，" in text:
        mended = _TOKEN.sub(lambda match: "," if match[0] == "，" else match[0], text)
        notes += _commas(text, mended)
        text = mended
    if "..." not in text and "…" not in text:
        return Prepared(text, notes=tuple(notes))
    return _without_elisions(text, notes)


def _commas(text: str, mended: str) -> Iterator[Note]:
    for number, (old, new) in enumerate(zip(text.split("\n"), mended.split("\n"), strict=True), start=1):
        if old != new:
            yield Note(code=NoteCode.SPELLING, path="$", text=f"Full-width commas are read as commas: {new.strip()}", line=number)


def _without_elisions(text: str, notes: list[Note]) -> Prepared:
    lines = text.split("\n")
    open_keys: set[int] = set()
    loose: list[Elision] = []
    before, indent = 0, 0
    for number, line in enumerate(lines, start=1):
        match = _LONE.match(line)
        if match is None:
            stripped = line.lstrip(" ")
            if stripped and not stripped.startswith("#"):
                before, indent = number, len(line) - len(stripped)
            continue
        column = len(match[1])
        if before and column >= indent and _OPEN_KEY.match(lines[before - 1]):
            open_keys.add(before)
        else:
            loose.append((number, column + 1))
        lines[number - 1] = ""
    return Prepared("\n".join(lines), frozenset(open_keys), tuple(loose), tuple(notes))
