"""Corpus BLEU."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import flag
from inc_metrics.text.corpus import CorpusCounts
from inc_metrics.text.tokens import mteval_13a, unicode_punctuation, whitespace

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

ORDERS = 4
_TOKENIZERS: dict[str, Callable[[str], list[str]]] = {"13a": mteval_13a, "none": whitespace, "v1": unicode_punctuation}


class BLEU(CorpusCounts):
    """Corpus BLEU of orders 1 to 4, from 0 to 100, equal to sacrebleu's defaults: tokens 13a, case kept, exponential smoothing.

    Counts are added up over the corpus first, so this is no mean of sentences. With several references per text, n-grams may
    come from any of them and the length is that of the closest.

    Args:
        tokenize: ``13a``, ``none`` for text that is tokenised already, ``v1`` for the tokens of 1.x, or a function of one text.
        lowercase: ignore case.
        keep_samples: keep every sentence's counts for ``resampled``; without it memory does not grow.

    Source:
        Papineni et al., ACL 2002; smoothing: Chen and Cherry, WMT 2014, technique 3; Post, WMT 2018, arXiv:1804.08771.
    """

    name: ClassVar[str] = "bleu"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, tokenize: str | Callable[[str], list[str]] = "13a", lowercase: bool = False, keep_samples: bool = False) -> None:
        self._tokenize = _tokenizer(tokenize)
        self._lowercase = flag(lowercase, where="BLEU(lowercase)")
        super().__init__(keep_samples=keep_samples)

    def _counts(self, text: str, references: list[str]) -> list[int]:
        """Return matches and possible matches of each order, then the lengths of both sides."""
        tokens = self._tokens(text)
        answers = [self._tokens(reference) for reference in references]
        matches, possible = [], []
        for order in range(1, ORDERS + 1):
            wanted: Counter[tuple[str, ...]] = Counter()
            for answer in answers:
                wanted |= _ngrams(answer, order)
            matches.append((_ngrams(tokens, order) & wanted).total())
            possible.append(max(0, len(tokens) - order + 1))
        closest = min((abs(len(answer) - len(tokens)), len(answer)) for answer in answers)[1]
        return [*matches, *possible, len(tokens), closest]

    def _value(self, counts: NDArray[np.int64]) -> float:
        matches, possible, length, reference = split_counts(counts)
        if not any(matches) or not all(possible):
            return 0.0
        return 100.0 * brevity_penalty(length, reference) * math.exp(math.fsum(map(math.log, smoothed(matches, possible))) / ORDERS)

    def _tokens(self, text: str) -> list[str]:
        return self._tokenize(text.lower() if self._lowercase else text)

    def _options(self) -> dict[str, object]:
        return {"tokenize": self._tokenize, "lowercase": self._lowercase, **super()._options()}


def bleu(predictions: Any, references: Any, *, tokenize: str | Callable[[str], list[str]] = "13a", lowercase: bool = False) -> float:
    """Return the corpus BLEU of one list of texts; see :class:`BLEU`."""
    metric = BLEU(tokenize=tokenize, lowercase=lowercase)
    metric.update(predictions, references)
    return metric.result()


def split_counts(counts: NDArray[np.int64]) -> tuple[list[int], list[int], int, int]:
    """Return matches and possible matches per order, and the lengths of texts and references."""
    numbers = [int(count) for count in counts]
    return numbers[:ORDERS], numbers[ORDERS : 2 * ORDERS], numbers[-2], numbers[-1]


def smoothed(matches: list[int], possible: list[int]) -> list[float]:
    """Return each order's precision; the n-th order without match has half, a quarter, ... of one match."""
    found, credit = [], 1.0
    for right, total in zip(matches, possible, strict=True):
        credit /= 1.0 if right else 2.0
        found.append((right or credit) / total)
    return found


def brevity_penalty(length: int, reference: int) -> float:
    """Return the factor that too short a translation is punished with."""
    if length >= reference:
        return 1.0
    return math.exp(1.0 - reference / length) if length else 0.0


def _ngrams(tokens: list[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def _tokenizer(tokenize: str | Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    if isinstance(tokenize, str):
        if tokenize not in _TOKENIZERS:
            fix = f"one of {', '.join(_TOKENIZERS)}, or a function of one text"
            raise MetricValueError(f"Unknown tokenizer {tokenize!r}", "BLEU(tokenize)", fix)
        return _TOKENIZERS[tokenize]
    if not callable(tokenize):
        fix = f"one of {', '.join(_TOKENIZERS)}, or a function of one text"
        raise MetricTypeError(f"The tokenizer is a {type(tokenize).__name__}", "BLEU(tokenize)", fix)
    return tokenize
