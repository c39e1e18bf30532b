from __future__ import annotations

import pytest
from inc_data import WordPiece

VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "un",
    "##aff",
    "##able",
    "hello",
    ",",
    "!",
    "'",
    "s",
    "你",
    "好",
    "cafe",
    "strasse",
    "$",
    "^",
    "##!",
]


@pytest.fixture
def vocab(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return path


def pieces(path, text, **options):
    ids, spans = WordPiece(path, **options).pieces(text)
    assert len(ids) == len(spans)
    return [VOCABULARY[number] for number in ids], [text[a:b] for a, b in spans]


def test_the_longest_pieces_from_the_left(vocab):
    # The paper's own example.
    assert pieces(vocab, "Unaffable") == (["un", "##aff", "##able"], ["Un", "aff", "able"])
    assert pieces(vocab, "unaffably hello") == (["[UNK]", "hello"], ["unaffably", "hello"])


def test_punctuation_and_cjk_letters_are_words_of_their_own(vocab):
    assert pieces(vocab, "hello,hello! 你好") == (["hello", ",", "hello", "!", "你", "好"], ["hello", ",", "hello", "!", "你", "好"])
    assert pieces(vocab, "$^") == (["$", "^"], ["$", "^"])


def test_accents_controls_and_odd_spaces(vocab):
    assert pieces(vocab, "Café") == (["cafe"], ["Café"])
    assert pieces(vocab, "Cafe\u0301") == (["cafe"], ["Cafe"])
    assert pieces(vocab, "hel\u200blo\u00a0hello\t\n") == (["hello", "hello"], ["hel\u200blo", "hello"])
    assert pieces(vocab, "Hello", lower_case=False) == (["[UNK]"], ["Hello"])


def test_long_words_and_empty_texts(vocab):
    assert pieces(vocab, "hello" * 21) == (["[UNK]"], ["hello" * 21])
    assert pieces(vocab, " \n") == ([], [])


def test_a_file_that_is_no_vocabulary_is_an_error(tmp_path):
    (tmp_path / "vocab.txt").write_text("hello\n[UNK]\n")
    with pytest.raises(ValueError, match=r"no \[CLS\], \[SEP\], \[PAD\](?s:.*)vocab\.txt"):
        WordPiece(tmp_path / "vocab.txt")
    with pytest.raises(ValueError, match="cannot be read"):
        WordPiece(tmp_path / "gone.txt")
