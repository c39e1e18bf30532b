from __future__ import annotations

from collections.abc import Callable

import pytest
from inc_orchestrate.report.document import Bar, Bars, Bullets, Command, Document, Paragraph, Section, Table, Verdict


@pytest.fixture(scope="session")
def document_of() -> Callable[[str], Document]:
    """Every kind of block, all of its text made from one string."""

    def make(text: str) -> Document:
        table = Table(head=("name", text), rows=((text, "1"), (text, text)), numeric=(1,))
        bars = Bars(caption=text, bars=(Bar(text, 2.0, text), Bar("b", 1.0, "1")))
        return Document(
            title=text,
            sections=(
                Section(blocks=(Verdict(text=text, is_good=True), Paragraph(text=text))),
                Section(heading=text, blocks=(Bullets(items=(text, text)), table, bars, Command(text=text))),
            ),
        )

    return make
