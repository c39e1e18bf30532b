"""Longest common subsequence of words."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from inc_metrics.sample_mean import SampleMean
from inc_metrics.text.corpus import paired_texts
from inc_metrics.text.tokens import words


class RougeL(SampleMean):
    """Mean over texts of the F1 of the longest common subsequence of words, from 0 to 1; the best of several references counts.

    Words are runs of a to z and digits after lower-casing; there is no stemming. A text without words scores 0.

    Args:
        keep_samples: keep each text's value for ``samples()``.

    Source:
        Lin, ACL workshop 2004, "ROUGE: a package for automatic evaluation of summaries", section 3.1, with beta 1.
    """

    name: ClassVar[str] = "rouge-l"
    higher_is_better: ClassVar[bool] = True

    def update(self, predictions: Any, references: Any) -> None:
        """Take in one text or a list of texts, with one or several references each.

        Raises:
            MetricValueError: unequal numbers of texts, none at all, or a prediction without reference.
            MetricTypeError: something that is no text.
        """
        pairs = paired_texts(predictions, references, where="RougeL.update")
        values = [max(_f1(words(text), words(answer)) for answer in answers) for text, answers in pairs]
        self._take(np.array(values), where="RougeL.update")


def rouge_l(predictions: Any, references: Any) -> float:
    """Return the mean ROUGE-L F1 of one list of texts; see :class:`RougeL`."""
    metric = RougeL()
    metric.update(predictions, references)
    return metric.result()


def longest_common_subsequence(left: list[str], right: list[str]) -> int:
    """Return its length, one bit per word of ``left`` and a few whole-number operations per word of ``right``.

    Source:
        Hyyrö, "Bit-parallel LCS-length computation revisited", AWOCA 2004.
    """
    positions: dict[str, int] = {}
    for index, word in enumerate(left):
        positions[word] = positions.get(word, 0) | 1 << index
    everywhere = (1 << len(left)) - 1
    unmatched = everywhere
    for word in right:
        matched = unmatched & positions.get(word, 0)
        unmatched = ((unmatched + matched) | (unmatched - matched)) & everywhere
    return len(left) - unmatched.bit_count()


def _f1(text: list[str], reference: list[str]) -> float:
    common = longest_common_subsequence(text, reference)
    return 2.0 * common / (len(text) + len(reference)) if common else 0.0
