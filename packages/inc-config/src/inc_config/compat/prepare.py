"""Text as people paste it: lone ``...`` lines and punctuation that is no YAML become YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from inc_config.compat.notes import Note
from inc_config.compat.parser import Elision
from inc_config.compat.punctuation import with_plain_commas, with_plain_punctuation

_LONE = re.compile(r"^([ ]*)(?:-[ ]+)?(?:\.\.\.|…)[ ]*(?:#.*)?$")
_OPEN_KEY = re.compile(r"^(?:[ ]*-)?[ ]*[^#\s][^#]*:[ ]*(?:#.*)?$")


_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks to YAML 1.1 that no editor shows as such; web pages put them into comments."""


@attrs.frozen
class Prepared:
    """YAML text with the same lines, and what was taken out of it.

    ``open_keys`` are the lines of keys whose value was ``...``; ``loose`` are the other lone ``...``.
    """

    text: str
    open_keys: frozenset[int] = frozenset()
    loose: tuple[Elision, ...] = ()
    notes: tuple[Note, ...] = ()


def readings(text: str) -> Iterator[Prepared]:
    """Take out what stands for something left out, and mend commas; then, where that changes more, all punctuation."""
    text = _OTHER_BREAKS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    commas = with_plain_commas(text)
    yield _without_elisions(*commas)
    everything = with_plain_punctuation(text)
    if everything[0] != commas[0]:
        yield _without_elisions(*everything)


def _without_elisions(text: str, notes: tuple[Note, ...]) -> Prepared:
    if "..." not in text and "…" not in text:
        return Prepared(text, notes=notes)
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
    return Prepared("\n".join(lines), frozenset(open_keys), tuple(loose), notes)
