"""Punctuation that other keyboards and web pages put into a text: full-width commas, colons, brackets, curly quotes, wide spaces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from inc_config.compat.lines import QUOTED
from inc_config.compat.notes import Note, NoteCode

MAX_MENDED = 1_000_000
"""Longer texts are not mended."""
_LONG = 200
"""No key is longer."""
_COMMA = re.compile(f"{QUOTED}|，", re.MULTILINE)
_ANY = re.compile(f"{QUOTED}|“[^“”\"\n]*”|‘[^‘’'\n]*’|[，：％［］｛｝\u00a0\u3000]", re.MULTILINE)
_KEY = re.compile(r"\s*(?:-\s+)*(?:\"[^\"]*\"|'[^']*'|[“‘][^”’]*[”’]|[^\s:：#]+)\s*")
_OPENERS = re.compile(r"[{｛,，]")
_PLAIN = {"，": ",", "：": ":", "％": "%", "［": "[", "］": "]", "｛": "{", "｝": "}", "\u00a0": " ", "\u3000": "  "}
_KINDS = {
    "commas": "，",
    "colons": "：",
    "percent signs": "％",
    "brackets": "［］｛｝",
    "curly quotes": "“”‘’",
    "wide spaces": "\u00a0\u3000",
}

Mended = tuple[str, tuple[Note, ...]]


def with_plain_commas(text: str) -> Mended:
    """The text with full-width commas as commas, except in quotes and comments; and a note per line."""
    if "，" not in text or len(text) > MAX_MENDED:
        return text, ()
    return _mended(text, _COMMA, lambda match: _PLAIN.get(match[0], match[0]))


def with_plain_punctuation(text: str) -> Mended:
    """The text with all of it as YAML writes it, colons behind keys only; and a note per line."""
    return (text, ()) if len(text) > MAX_MENDED else _mended(text, _ANY, _plain)


def _plain(match: re.Match[str]) -> str:
    found = match[0]
    if found[0] in "“‘":
        quote = '"' if found[0] == "“" else "'"
        return f"{quote}{found[1:-1]}{quote}"
    if found == "：":
        least = max(0, match.start() - _LONG)
        before = match.string[max(least, match.string.rfind("\n", least, match.start()) + 1) : match.start()]
        if not _KEY.fullmatch(_OPENERS.split(before)[-1]):
            return found
        return ":" if match.string[match.end() : match.end() + 1] in ("", "\n", " ") else ": "
    return _PLAIN.get(found, found)


def _mended(text: str, pattern: re.Pattern[str], plain: Callable[[re.Match[str]], str]) -> Mended:
    mended = pattern.sub(plain, text)
    return mended, tuple(_notes(text, mended)) if mended != text else ()


def _notes(text: str, mended: str) -> Iterator[Note]:
    for number, (old, new) in enumerate(zip(text.split("\n"), mended.split("\n"), strict=True), start=1):
        if old != new:
            kinds = [kind for kind, letters in _KINDS.items() if any(old.count(letter) > new.count(letter) for letter in letters)]
            said = f"{' and '.join(kinds).capitalize()} of another keyboard are read as plain ones: {new.strip()}"
            yield Note(code=NoteCode.SPELLING, path="$", text=said, line=number)
