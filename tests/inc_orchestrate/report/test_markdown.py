from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from inc_orchestrate.report import to_markdown
from inc_orchestrate.report.document import Document
from markdown_it import MarkdownIt
from markdown_it.token import Token

HOSTILE = "a|b `c` *d* _e_ <script>f</script> [g](http://example.org) # h ~~i~~ &lt; \\| ```"


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def shown(token: Token) -> str:
    return "".join(child.content for child in token.children or [])


@given(text=st.text(st.sampled_from("ab |`*_<>[]()#~&;\\!/:1.-+="), min_size=1).filter(str.strip) | st.just(HOSTILE))
def test_markdown_shows_text_as_it_is(document_of: Callable[[str], Document], text: str) -> None:
    one_line = " ".join(text.split())
    tokens = parsed(to_markdown(document_of(text)))
    paragraphs = [shown(token) for token in tokens if token.type == "inline"]
    # Title, verdict, paragraph, heading, two bullets, the table's head and two rows, caption, the bars' head and two rows.
    table = ["name", one_line, one_line, "1", one_line, one_line]
    bars = ["operator", "", "value", one_line, "█" * 30, one_line, "b", "█" * 15, "1"]
    assert paragraphs == [one_line] * 6 + table + [one_line] + bars


def test_markdown_holds_no_html(document_of: Callable[[str], Document]) -> None:
    tokens = parsed(to_markdown(document_of(HOSTILE)))
    kinds = {child.type for token in tokens for child in [token, *(token.children or [])]}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "code_inline", "em_open", "s_open"}


def test_a_command_is_fenced_whatever_it_holds(document_of: Callable[[str], Document]) -> None:
    for command in ("inc plan model.onnx", "echo ```", "````"):
        assert [t.content for t in parsed(to_markdown(document_of(command))) if t.type == "fence"] == [f"{command}\n"]
