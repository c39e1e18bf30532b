"""Perplexity of a language model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, as_labels, check_scores, shapes_differ
from inc_metrics.classification.log_loss import ScoreKind, log_likelihood, parse_score_kind
from inc_metrics.errors import MetricValueError
from inc_metrics.options import whole_number
from inc_metrics.sample_mean import SampleMean

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Perplexity(SampleMean):
    """Exponential of the mean negative log-likelihood over all tokens of all sequences.

    Scores have shape ``(N, T, C)``, tokens ``(N, T)``; a single sequence is ``(T, C)`` with ``(T,)``. Scores at a position are those
    of the token given for it: shift them beforehand if the model predicts the next one.
    ``samples()`` gives each sequence's mean negative log-likelihood.

    Args:
        scores: ``logits`` or ``probabilities``.
        ignore_index: positions with this token do not count.
        keep_samples: keep each sequence's mean for ``samples()``.
    """

    name: ClassVar[str] = "perplexity"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, *, scores: ScoreKind | str = ScoreKind.LOGITS, ignore_index: int | None = -100, keep_samples: bool = False) -> None:
        self._kind = parse_score_kind(scores, owner="Perplexity")
        self._ignore_index = None if ignore_index is None else whole_number(ignore_index, where="Perplexity(ignore_index)")
        super().__init__(keep_samples=keep_samples)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch or one sequence.

        Raises:
            MetricValueError: shapes, tokens or scores that make no sense, or a sequence of ignored tokens only.
            MetricTypeError: no numbers.
        """
        where = "Perplexity.update"
        scores, tokens = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        if scores.ndim == 2 and tokens.ndim == 1:
            scores, tokens = scores[np.newaxis], tokens[np.newaxis]
        scores, tokens = align(scores, tokens, where=where)
        if scores.ndim != 3 or scores.shape[:2] != tokens.shape:
            raise shapes_differ(scores, tokens, where=where, fix="give scores (N, T, C) and tokens (N, T)")
        counted = np.ones(tokens.shape, np.bool_) if self._ignore_index is None else np.asarray(tokens != self._ignore_index)
        sizes = np.count_nonzero(counted, axis=1)
        if not sizes.all():
            what = f"Sequence {int(np.flatnonzero(sizes == 0)[0])} of the batch has no token that counts"
            raise MetricValueError(what, where, "drop it, or check ignore_index")
        labels = as_labels(tokens[counted], classes=scores.shape[2], where=f"{where}(targets)")
        check_scores(scores[counted], where=f"{where}(predictions)")
        losses: NDArray[np.float64] = np.zeros(tokens.shape)
        losses[counted] = -log_likelihood(scores[counted], labels, self._kind, where=f"{where}(predictions)")
        self._take_sums(np.array([math.fsum(row) for row in losses]), sizes.astype(np.int64), where=where)

    def _from_mean(self, mean: float) -> float:
        try:
            return math.exp(mean)
        except OverflowError:
            return math.inf

    def _options(self) -> dict[str, object]:
        return {"scores": self._kind, "ignore_index": self._ignore_index, **super()._options()}


def perplexity(predictions: Any, targets: Any, *, scores: ScoreKind | str = ScoreKind.LOGITS, ignore_index: int | None = -100) -> float:
    """Return the perplexity of one batch; see :class:`Perplexity`."""
    metric = Perplexity(scores=scores, ignore_index=ignore_index)
    metric.update(predictions, targets)
    return metric.result()
