"""Metrics of texts whose state is a row of counts that add up over sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import flag
from inc_metrics.state import check_mergeable, no_data, not_kept

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CorpusCounts(ABC):
    """The part that such metrics share: pairing texts with references, adding up, merging, resampling sentences.

    Args:
        keep_samples: keep every sentence's counts for :meth:`resampled`; without it memory does not grow.
    """

    def __init__(self, *, keep_samples: bool = False) -> None:
        self._keep_samples = flag(keep_samples, where=f"{type(self).__name__}(keep_samples)")
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        self._sentences = 0
        self._total: NDArray[np.int64] | None = None
        self._kept: list[NDArray[np.int64]] = []

    def update(self, predictions: Any, references: Any) -> None:
        """Take in one text or a list of texts.

        Args:
            predictions: a string, or a list of strings.
            references: a string per prediction, or a list of several strings per prediction.

        Raises:
            MetricValueError: unequal numbers of texts, none at all, or a prediction without reference.
            MetricTypeError: something that is no text.
        """
        pairs = paired_texts(predictions, references, where=f"{type(self).__name__}.update")
        self._take(np.array([self._counts(text, answers) for text, answers in pairs], np.int64))

    def result(self) -> float:
        """Return the value over all sentences.

        Raises:
            MetricValueError: nothing was taken in.
        """
        if self._total is None:
            raise no_data(self, "result")
        return self._value(self._total)

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options.
        """
        check_mergeable(self, other)
        if other._total is not None:
            self._total = other._total if self._total is None else self._total + other._total
        self._sentences += other._sentences
        self._kept = [*self._kept, *other._kept]

    def units(self) -> int:
        """Return how many sentences were kept.

        Raises:
            MetricValueError: the metric was made without ``keep_samples=True``.
        """
        if not self._keep_samples:
            raise not_kept(self, "units")
        return self._sentences

    def resampled(self, indices: NDArray[np.int64], /) -> float:
        """Return the result over the sentences ``indices``, repetitions counted.

        Raises:
            MetricValueError: nothing was kept.
        """
        if not self.units():
            raise no_data(self, "resampled")
        if len(self._kept) > 1:  # later calls find one piece
            self._kept = [np.concatenate(self._kept)]
        return self._value(self._kept[0][indices].sum(axis=0))

    def _take(self, rows: NDArray[np.int64]) -> None:
        total = rows.sum(axis=0)
        self._total = total if self._total is None else self._total + total
        self._sentences += len(rows)
        if self._keep_samples:
            self._kept.append(rows)

    @abstractmethod
    def _counts(self, text: str, references: list[str]) -> list[int]:
        """Return the counts of one sentence."""

    @abstractmethod
    def _value(self, counts: NDArray[np.int64]) -> float:
        """Return what counts over all sentences are worth."""

    def _options(self) -> dict[str, object]:
        return {"keep_samples": self._keep_samples}


def paired_texts(predictions: Any, references: Any, *, where: str) -> list[tuple[str, list[str]]]:
    """Return each text with its references.

    Raises:
        MetricValueError: unequal numbers of texts, none at all, or a prediction without reference.
        MetricTypeError: something that is no text.
    """
    if isinstance(predictions, str):
        references = [[references] if isinstance(references, str) else references]
        predictions = [predictions]
    texts, answers = _listed(predictions, where=f"{where}(predictions)"), _listed(references, where=f"{where}(references)")
    if not texts and not answers:
        raise MetricValueError("The batch is empty", where, "leave out empty batches")
    if len(texts) != len(answers):
        what = f"Numbers of texts do not match: {len(texts)} predictions, {len(answers)} references"
        raise MetricValueError(what, where, "give one reference, or one list of references, per prediction")
    pairs = []
    for text, answer in zip(texts, answers, strict=True):
        several = [answer] if isinstance(answer, str) else _listed(answer, where=f"{where}(references)")
        if not several:
            raise MetricValueError(f"The prediction {text!r} has no reference", where, "give at least one")
        for item in (text, *several):
            if not isinstance(item, str):
                raise MetricTypeError(f"A text is a {type(item).__name__}", where, "give strings; decode token ids first")
        pairs.append((str(text), [str(item) for item in several]))
    return pairs


def _listed(value: Any, *, where: str) -> list[Any]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise MetricTypeError(f"The texts are a {type(value).__name__}", where, "give a list of strings")
    items = list(value)
    return [item.decode() if isinstance(item, bytes) else item for item in items]
