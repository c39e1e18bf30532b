"""Whatever the text: a document that survives a round trip and translates, or the package's own error; never anything else."""

import contextlib
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_config import IncError, load, not_offered
from inc_config.cli.migrate import commented
from inc_config.compat import dump_v1, load_v1, translate

TEXTS = [path.read_text() for path in sorted((Path(__file__).parent / "corpus").glob("*.yaml"))]
WORDS = sorted({word for text in TEXTS for word in text.replace(":", " ").split()})
SCRAPS = [
    "\t",
    "  ",
    "\n",
    "...",
    "…",
    "，",
    "：",
    "“",
    "\u00a0",
    "\u2028",
    "-",
    "- ",
    ":",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "!Pruner",
    "&a ",
    "*a",
    "'",
    '"',
    "|",
    "#",
    "null",
    "1e9",
    "\x00",
    "é",
]


@st.composite
def mutated(draw):
    """A file of the corpus with a few lines moved, doubled, dropped, shifted or spoiled."""
    lines = draw(st.sampled_from(TEXTS)).split("\n")
    for _ in range(draw(st.integers(1, 6))):
        index = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["drop", "double", "swap", "left", "right", "scrap", "word", "flat"]))
        line = lines[index]
        if kind == "drop":
            lines[index] = ""
        elif kind == "double":
            lines.insert(index, line)
        elif kind == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[index], lines[other] = lines[other], line
        elif kind == "left":
            lines[index] = line[min(draw(st.integers(1, 4)), len(line) - len(line.lstrip())) :]
        elif kind == "right":
            lines[index] = " " * draw(st.integers(1, 4)) + line
        elif kind == "flat":
            lines = [inner.lstrip() for inner in lines]
        else:
            place = draw(st.integers(0, len(line)))
            lines[index] = line[:place] + draw(st.sampled_from(SCRAPS if kind == "scrap" else WORDS)) + line[place:]
    return "\n".join(lines)


def check(text):
    with contextlib.suppress(IncError):
        document = load_v1(text)
        again = load_v1(dump_v1(document), flavour=document.flavour) if document.model else document
        assert again == document
        translation = translate(document)
        assert load(commented(translation.config, translation.notes)) == translation.config
        for fault in map(translation.locate, not_offered(translation.config)):
            assert fault.line
            assert fault.column


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_mutated_file_is_read_or_refused(text):
    check(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    check(text + "\n")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, *SCRAPS]), max_size=25).map(" ".join))
def test_any_words_of_the_language_are_read_or_refused(text):
    check("model: {name: a, framework: pytorch}\n" + text + "\n")
