"""BERT's own tokenizer, from a vocabulary file: words and punctuation, then the longest known pieces from the left.

Source:
    Devlin et al., NAACL 2019, arXiv:1810.04805, section 3; Schuster and Nakajima, ICASSP 2012, for word pieces.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from inc_data.faults import checked_path, fault

LONGEST_WORD = 100
"""A longer word is unknown, as in BERT."""

_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip

Span = tuple[int, int]


class WordPiece:
    """A tokenizer from BERT's ``vocab.txt``: one piece per line, a piece inside a word starts with ``##``.

    Args:
        vocab_file: the file.
        lower_case: fold case and drop accents, as the uncased models do.

    Raises:
        ValueError: the file cannot be read, or lacks [UNK], [CLS], [SEP] or [PAD].
    """

    def __init__(self, vocab_file: str | os.PathLike[str], *, lower_case: bool = True) -> None:
        path = checked_path(vocab_file, where="WordPiece")
        self.vocabulary = _read(path)
        self.lower_case = lower_case
        special = {name: self.vocabulary.get(name) for name in ("[UNK]", "[CLS]", "[SEP]", "[PAD]")}
        missing = [name for name, number in special.items() if number is None]
        if missing:
            raise ValueError(
                fault(f"The vocabulary has no {', '.join(missing)}.", where=str(path), fix="give the vocab.txt of a BERT model")
            )
        self.unknown, self.cls, self.sep, self.pad = (self.vocabulary[name] for name in special)

    def pieces(self, text: str) -> tuple[list[int], list[Span]]:
        """Return the ids of the pieces of a text, without special tokens, and where each stands in it as (start, end)."""
        ids: list[int] = []
        spans: list[Span] = []
        for word in _words(text, lower_case=self.lower_case):
            for number, start, end in self._split(word):
                ids.append(number)
                spans.append((start, end))
        return ids, spans

    def _split(self, word: list[tuple[str, int]]) -> list[tuple[int, int, int]]:
        whole = word[0][1], word[-1][1] + 1
        if len(word) > LONGEST_WORD:
            return [(self.unknown, *whole)]
        letters = "".join(letter for letter, _ in word)
        found = []
        start = 0
        while start < len(letters):
            for end in range(len(letters), start, -1):
                number = self.vocabulary.get(("##" if start else "") + letters[start:end])
                if number is not None:
                    found.append((number, word[start][1], word[end - 1][1] + 1))
                    start = end
                    break
            else:
                return [(self.unknown, *whole)]
        return found


def _read(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            fault(f"The vocabulary cannot be read: {error}.", where=str(path), fix="give the vocab.txt of a BERT model")
        ) from error
    if lines and not lines[-1]:
        lines.pop()
    return {piece.rstrip("\r"): number for number, piece in enumerate(lines)}


def _words(text: str, *, lower_case: bool) -> Iterator[list[tuple[str, int]]]:
    """Yield words as letters with their places in the text; every punctuation mark and every CJK letter is a word of its own."""
    word: list[tuple[str, int]] = []
    for place, letter in enumerate(text):
        if _is_control(letter):
            continue
        alone = _is_cjk(letter)
        if letter.isspace() or alone or unicodedata.category(letter) == "Zs":
            if word:
                yield word
            word = []
            if not alone:
                continue
        for folded in _folded(letter) if lower_case else letter:
            if _is_punctuation(folded) or alone:
                if word:
                    yield word
                yield [(folded, place)]
                word = []
            else:
                word.append((folded, place))
    if word:
        yield word


def _folded(letter: str) -> str:
    decomposed = unicodedata.normalize("NFD", letter.lower())
    return "".join(part for part in decomposed if unicodedata.category(part) != "Mn")


def _is_control(letter: str) -> bool:
    if letter in "\t\n\r":
        return False
    return letter in ("\0", "\ufffd") or unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs")


def _is_cjk(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in _CJK)


def _is_punctuation(letter: str) -> bool:
    # BERT counts all ASCII that is neither letter, digit nor space, $ and ^ too.
    ascii_mark = letter.isascii() and letter.isprintable() and not letter.isalnum() and letter != " "
    return ascii_mark or unicodedata.category(letter).startswith("P")
