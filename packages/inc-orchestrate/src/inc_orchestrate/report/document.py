"""What a report is made of: blocks of plain text that each format renders and escapes in its own way."""

from __future__ import annotations

from typing import Any

import attrs


def _as_wide_as_the_head(table: Table, _: attrs.Attribute[Any], rows: tuple[tuple[str, ...], ...]) -> None:
    if any(len(row) != len(table.head) for row in rows):
        raise ValueError(f"every row needs {len(table.head)} cells: {table.head}")


@attrs.frozen(kw_only=True)
class Verdict:
    """The one sentence that a reader came for, and whether it is good news."""

    text: str
    is_good: bool


@attrs.frozen(kw_only=True)
class Paragraph:
    """Running text."""

    text: str


@attrs.frozen(kw_only=True)
class Bullets:
    """Sentences that stand for themselves."""

    items: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Command:
    """Something to type into a shell."""

    text: str


@attrs.frozen(kw_only=True)
class Table:
    """Cells of text; ``numeric`` are the columns (from 0) to align right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = attrs.field(validator=_as_wide_as_the_head)
    numeric: tuple[int, ...] = ()


@attrs.frozen
class Bar:
    """One labelled length: ``value`` is at least 0, ``text`` is the number as people read it."""

    label: str
    value: float = attrs.field(validator=attrs.validators.ge(0.0))
    text: str


@attrs.frozen(kw_only=True)
class Bars:
    """Horizontal bars, the longest of which fills the width; ``caption`` says what a length means."""

    caption: str
    bars: tuple[Bar, ...]


Block = Verdict | Paragraph | Bullets | Command | Table | Bars


@attrs.frozen(kw_only=True)
class Section:
    """Blocks under a heading; the first section of a document has none."""

    heading: str = ""
    blocks: tuple[Block, ...]


@attrs.frozen(kw_only=True)
class Document:
    """A title and sections."""

    title: str
    sections: tuple[Section, ...]
