"""What a reader should know about a file that was accepted: spellings that were mended, and settings without an equivalent."""

from __future__ import annotations

import enum

import attrs


class NoteCode(enum.Enum):
    """Why a note was written. The first group is about reading, the second about translating."""

    INDENTATION = "indentation"
    """Lines stood too far to the left; the note shows the text as it was read."""
    SYNTAX = "syntax"
    """A bracket or comma was mended."""
    SPELLING = "spelling"
    """A name, list syntax or punctuation mark that the old reader refused."""
    ELISION = "elision"
    """A lone ``...`` stands for something that the author left out."""
    EXCERPT = "excerpt"
    """The text is a part of a file: it has no ``model`` section."""

    CHANGED = "changed"
    """Said differently today, with another meaning in the details."""
    DROPPED = "dropped"
    """Has no equivalent and no effect any more."""
    MANUAL = "manual"
    """Cannot be written in a file: something to pass in code."""
    NOT_OFFERED = "not_offered"
    """Has a place in today's configuration, which nothing carries out yet."""


@attrs.frozen(kw_only=True)
class Note:
    """One remark about one place of the 1.x document; ``line`` counts from 1.

    ``today`` is the JSON path in the translated configuration that the remark belongs to, such as ``$.steps[0].tuning.seed`` (empty: none);
    ``inc-config migrate`` writes the remark beside that line.
    """

    code: NoteCode
    path: str
    text: str
    line: int | None = None
    today: str = ""

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}, line {self.line}"
        return f"{self.text}\n  where: {place}"
