"""BLEU against sacrebleu."""

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from inc_metrics import BLEU, MetricTypeError, MetricValueError, bleu

WORDS = ["the", "cat", "sat,", "on", "1,000.5", "mat.", "it's", "&quot;x&quot;", "a-b", "3-4", "Hello", "World!", "–", "ß¿"]
SENTENCES = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
CORPUS = st.lists(st.tuples(SENTENCES, SENTENCES, SENTENCES), min_size=1, max_size=6)


@given(CORPUS, st.booleans())
def test_the_corpus_value_equals_sacrebleu(corpus: list[tuple[str, str, str]], lowercase: bool) -> None:
    texts, first, second = (list(side) for side in zip(*corpus, strict=True))
    expected = sacrebleu.corpus_bleu(texts, [first, second], lowercase=lowercase).score
    assert bleu(texts, list(zip(first, second, strict=True)), lowercase=lowercase) == pytest.approx(expected, abs=1e-9)
    tokenized = sacrebleu.corpus_bleu(texts, [first], tokenize="none", force=True).score
    assert bleu(texts, first, tokenize="none") == pytest.approx(tokenized, abs=1e-9)


def test_by_hand() -> None:
    # "a b c d e" for "a b c d f": 4/5, 3/4, 2/3 and 1/2 of the n-grams match, lengths are equal.
    assert bleu("a b c d e", "a b c d f") == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25, rel=1e-14)
    # Orders 3 and 4 have no match among 2 and 1: they count as 1/2 and 1/4 of one.
    assert bleu("a b x y", "a b u v") == pytest.approx(100 * (2 / 4 * 1 / 3 * 0.5 / 2 * 0.25 / 1) ** 0.25, rel=1e-14)


def test_a_function_splits_texts_and_names_are_checked() -> None:
    assert bleu("a-b-c-d", "a-b-c-d", tokenize=lambda text: text.split("-")) == pytest.approx(100.0)
    with pytest.raises(MetricValueError, match="one of 13a, none, v1"):
        BLEU(tokenize="intl")
    with pytest.raises(MetricTypeError, match="tokenizer is a int"):
        BLEU(tokenize=13)  # type: ignore[arg-type]  # the wrong type is the point


def test_what_is_no_pair_of_texts_is_refused() -> None:
    with pytest.raises(MetricValueError, match="2 predictions, 1 references"):
        bleu(["a", "b"], ["a"])
    with pytest.raises(MetricValueError, match="'a' has no reference"):
        bleu(["a"], [[]])
    with pytest.raises(MetricTypeError, match="A text is a int"):
        bleu([1], ["a"])
    with pytest.raises(MetricTypeError, match="The texts are a str"):
        bleu(["a"], "a")
