"""Tokens by the published rules."""

import pytest
from inc_metrics.text.tokens import mteval_13a, unicode_punctuation, words
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a


@pytest.mark.parametrize(
    "text", ["It's 1,000.5%, isn't it?", "a<skipped>b", "3-4 and a-b", "(x)[y]{z}", "&quot;&amp;&lt;&gt;", "x\ny", "end.  ", "...", "1.a"]
)
def test_13a_splits_as_sacrebleu_does(text: str) -> None:
    assert mteval_13a(text) == Tokenizer13a()(text.rstrip()).split()


def test_the_tokens_of_1x_set_apart_symbols_and_punctuation_that_touches_no_digit() -> None:
    assert unicode_punctuation("Hello, World! 1,000.5 €3 «x» a-b") == [
        *["hello", ",", "world", "!", "1,000.5", "€", "3", "«", "x", "»", "a", "-", "b"]
    ]
    assert unicode_punctuation("costs 5.") == ["costs", "5."]  # a stop after a digit stays, even at the end
    assert unicode_punctuation("") == []


def test_words_are_runs_of_letters_and_digits() -> None:
    assert words("The cat's 2 mats — naïve!") == ["the", "cat", "s", "2", "mats", "na", "ve"]
