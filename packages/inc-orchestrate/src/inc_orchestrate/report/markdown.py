"""A document as Markdown that GitHub and plain terminals show well."""

from __future__ import annotations

import re

from inc_orchestrate.report.document import Bars, Block, Bullets, Command, Document, Paragraph, Table, Verdict
from inc_orchestrate.report.figures import printable

_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~#])")
_STARTS_A_BLOCK = re.compile(r"^(\d*)([-+=:.)])")
_BAR_CELLS = 30


def to_markdown(document: Document) -> str:
    """Render a document; all of its text is escaped."""
    parts = [f"# {_line(document.title)}"]
    for section in document.sections:
        if section.heading:
            parts.append(f"## {_line(section.heading)}")
        parts += [_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Take every meaning from characters that Markdown or HTML would act on, and put the text on one line."""
    return _SPECIAL.sub(r"\\\1", printable(" ".join(text.split())))


def _line(text: str) -> str:
    """Escape text that stands at the start of a line, where Markdown also sees lists, rules and underlines."""
    return _STARTS_A_BLOCK.sub(r"\1\\\2", escape(text))


def _block(block: Block) -> str:
    match block:
        case Verdict():
            return f"**{escape(block.text)}**"
        case Paragraph():
            return _line(block.text)
        case Bullets():
            return "\n".join(f"- {_line(item)}" for item in block.items)
        case Command():
            return _fenced(block.text)
        case Table():
            return _table(block)
        case Bars():
            return _bars(block)


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{printable(text)}\n{fence}"


def _table(table: Table) -> str:
    rule = " | ".join("---:" if column in table.numeric else "---" for column in range(len(table.head)))
    rows = [table.head, *table.rows]
    lines = [" | ".join(escape(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in (lines[0], rule, *lines[1:]))


def _bars(bars: Bars) -> str:
    longest = max((bar.value for bar in bars.bars), default=0.0)
    table = Table(
        head=("operator", "", "value"),
        rows=tuple((bar.label, _drawn(bar.value, longest), bar.text) for bar in bars.bars),
        numeric=(2,),
    )
    return f"{_line(bars.caption)}\n\n{_table(table)}"


def _drawn(value: float, longest: float) -> str:
    return "█" * (max(1, round(value / longest * _BAR_CELLS)) if value > 0.0 else 0)
