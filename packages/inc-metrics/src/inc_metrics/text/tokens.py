"""From text to words, by the rules that published scores were made with."""

from __future__ import annotations

import re
import unicodedata

_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_SYMBOLS = re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])")
_STOP_AFTER_NON_DIGIT = re.compile(r"([^0-9])([\.,])")
_STOP_BEFORE_NON_DIGIT = re.compile(r"([\.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile(r"([0-9])(-)")


def mteval_13a(text: str) -> list[str]:
    """Split text as NIST's ``mteval-v13a.pl`` does: Western punctuation stands alone, except inside numbers.

    Source:
        mteval-v13a.pl, NIST Open Machine Translation evaluation; the default of sacrebleu (Post, WMT 2018, arXiv:1804.08771).
    """
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    text = _SYMBOLS.sub(r" \1 ", f" {text} ")
    text = _STOP_AFTER_NON_DIGIT.sub(r"\1 \2 ", text)
    text = _STOP_BEFORE_NON_DIGIT.sub(r" \1 \2", text)
    return _DASH_AFTER_DIGIT.sub(r"\1 \2 ", text).split()


def whitespace(text: str) -> list[str]:
    """Split at whitespace alone, for text that is tokenised already."""
    return text.split()


def unicode_punctuation(text: str) -> list[str]:
    """Lower-case, then set apart symbols, and punctuation that does not touch a digit: the tokens of 1.x and tensor2tensor.

    Punctuation and symbols are the Unicode categories P and S, digits those of category Nd.
    """
    text = text.lower()
    characters = set(text)
    punctuation = _class_of(characters, "P")
    symbols = _class_of(characters, "S")
    if punctuation:
        text = re.sub(rf"([^\d])([{punctuation}])", r"\1 \2 ", text)
        text = re.sub(rf"([{punctuation}])([^\d])", r" \1 \2", text)
    if symbols:
        text = re.sub(rf"([{symbols}])", r" \1 ", text)
    return text.split()


def words(text: str) -> list[str]:
    """Lower-case and keep runs of the letters a to z and digits, as published ROUGE scores do."""
    return re.findall(r"[a-z0-9]+", text.lower())


def _class_of(characters: set[str], category: str) -> str:
    return "".join(re.escape(character) for character in sorted(characters) if unicodedata.category(character).startswith(category))
