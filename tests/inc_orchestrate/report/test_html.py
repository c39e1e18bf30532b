from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from inc_orchestrate.report import to_html
from inc_orchestrate.report.document import Document

HOSTILE = '<script>alert("1")</script>&amp;\' onload=x <img src=http://example.org/a.png>'


class Page(HTMLParser):
    """Tags, attribute names and the text of table cells, as an HTML parser of its own sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "td":
            self._in_cell = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data


@given(text=st.text(min_size=1).filter(str.isprintable) | st.just(HOSTILE))
def test_no_text_becomes_markup(document_of: Callable[[str], Document], text: str) -> None:
    plain, page = Page(to_html(document_of("plain"))), Page(to_html(document_of(text)))
    assert (page.tags, page.attributes) == (plain.tags, plain.attributes)
    assert page.cells == [text, "1", text, text]


def test_a_page_needs_nothing_from_anywhere(document_of: Callable[[str], Document]) -> None:
    page = Page(text := to_html(document_of("plain")))
    assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not page.attributes & {"src", "href", "srcset", "action", "onload", "onclick"}
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?:", text)


def test_bars_are_as_long_as_their_values(document_of: Callable[[str], Document]) -> None:
    widths = [float(width) for width in re.findall(r'<rect [^>]*?width="([\d.]+)"', to_html(document_of("plain")))]
    assert len(widths) == 2
    assert widths[0] == 2 * widths[1] > 0


def test_characters_that_steer_a_terminal_are_spelled_out(document_of: Callable[[str], Document]) -> None:
    text = to_html(document_of("a\x1b[31mb\udc80"))
    assert "<h1>a\\x1b[31mb\\udc80</h1>" in text
