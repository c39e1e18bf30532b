"""Cross-entropy of predicted probabilities."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, as_labels, check_scores
from inc_metrics.classification.scores import scores_and_labels
from inc_metrics.errors import MetricValueError
from inc_metrics.options import whole_number
from inc_metrics.sample_mean import SampleMean

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SUM_TOLERANCE = 1e-2  # bfloat16 has 8 bits: a softmax over many classes sums to 1 within about this


class ScoreKind(StrEnum):
    """What the numbers that a model puts out are."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"


class LogLoss(SampleMean):
    """Mean negative log-likelihood of the true classes, in nats.

    Scores ``(N, C, ...)`` with labels ``(N, ...)`` or one-hot; or binary scores ``(N,)`` or ``(N, 1)`` with targets 0 or 1.

    Args:
        scores: ``probabilities`` or ``logits``; they are never guessed. A probability of 0 or 1 counts as the smallest step of
            its dtype away from it, as in scikit-learn.
        class_axis: where the classes are in the scores.
        keep_samples: keep each sample's loss for ``samples()``.
    """

    name: ClassVar[str] = "log-loss"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, *, scores: ScoreKind | str = ScoreKind.PROBABILITIES, class_axis: int = 1, keep_samples: bool = False) -> None:
        self._kind = parse_score_kind(scores, owner="LogLoss")
        self._class_axis = whole_number(class_axis, where="LogLoss(class_axis)")
        super().__init__(keep_samples=keep_samples)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch or one sample.

        Raises:
            MetricValueError: shapes, labels or scores that make no sense, or probabilities that are none.
            MetricTypeError: no numbers.
        """
        where = "LogLoss.update"
        scores, truth = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        scores, truth = align(scores, truth, where=where)
        if scores.ndim == 1 or scores.shape[1:] == (1,):
            scores, truth = self._both_classes(scores.reshape(-1), where=where), truth.reshape(len(truth), -1)
            labels: NDArray[np.int64] = as_labels(truth, classes=2, where=f"{where}(targets)")[:, 0]
        else:
            scores, labels = scores_and_labels(scores, truth, class_axis=self._class_axis, where=where)
        self._take(-log_likelihood(scores, labels, self._kind, where=f"{where}(predictions)"), where=where)

    def _both_classes(self, scores: NDArray[Any], *, where: str) -> NDArray[Any]:
        check_scores(scores, where=f"{where}(predictions)")
        no = np.zeros_like(scores) if self._kind is ScoreKind.LOGITS else 1 - scores
        return np.stack([no, scores], axis=1)

    def _options(self) -> dict[str, object]:
        return {"scores": self._kind, "class_axis": self._class_axis, **super()._options()}


def log_loss(predictions: Any, targets: Any, *, scores: ScoreKind | str = ScoreKind.PROBABILITIES, class_axis: int = 1) -> float:
    """Return the mean negative log-likelihood of one batch; see :class:`LogLoss`."""
    metric = LogLoss(scores=scores, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.result()


def parse_score_kind(kind: ScoreKind | str, *, owner: str) -> ScoreKind:
    """Return the kind of scores named; raises MetricValueError for another name."""
    try:
        return ScoreKind(kind)
    except ValueError as error:
        raise MetricValueError(f"Unknown kind of scores {kind!r}", f"{owner}(scores)", f"one of {', '.join(ScoreKind)}") from error


def log_likelihood(scores: NDArray[Any], labels: NDArray[np.int64], kind: ScoreKind, *, where: str) -> NDArray[np.float64]:
    """Return the logarithm of each label's probability.

    Args:
        scores: shape ``(..., C)``.
        labels: shape ``(...)``, each in ``[0, C)``.
        kind: what the scores are.
        where: used in error messages only.

    Raises:
        MetricValueError: probabilities outside 0 to 1 or not summing to 1, or logits of which a row has no finite maximum or
            rules the label out.
    """
    if kind is ScoreKind.LOGITS:
        found = _from_logits(scores.astype(np.float64, order="C"), labels, where=where)  # numpy's order of adding follows the memory's
    else:
        found = _from_probabilities(scores, labels, where=where)
    return found


def _from_logits(logits: NDArray[np.float64], labels: NDArray[np.int64], *, where: str) -> NDArray[np.float64]:
    largest = logits.max(axis=-1, keepdims=True)
    own = np.take_along_axis(logits, labels[..., np.newaxis], axis=-1)[..., 0]
    if not (np.isfinite(largest).all() and np.isfinite(own).all()):
        what = "A row of logits has an infinite maximum, or minus infinity for its label"
        raise MetricValueError(what, where, "mask other classes only; the loss would be infinite")
    return np.asarray(own - largest[..., 0] - np.log(np.exp(logits - largest).sum(axis=-1)))


def _from_probabilities(scores: NDArray[Any], labels: NDArray[np.int64], *, where: str) -> NDArray[np.float64]:
    lowest, highest = float(scores.min()), float(scores.max())
    if lowest < 0.0 or highest > 1.0:
        what = f"Scores reach from {lowest} to {highest}, so they are no probabilities"
        raise MetricValueError(what, where, 'set scores="logits", or apply softmax')
    sums = scores.sum(axis=-1, dtype=np.float64)
    worst = float(sums.reshape(-1)[np.abs(sums - 1.0).argmax()])
    if abs(worst - 1.0) > _SUM_TOLERANCE:
        raise MetricValueError(f"Probabilities of a sample sum to {worst}", where, 'set scores="logits", or apply softmax')
    step = float(np.finfo(scores.dtype).eps) if scores.dtype.kind == "f" else float(np.finfo(np.float64).eps)
    own = np.take_along_axis(scores, labels[..., np.newaxis], axis=-1)[..., 0].astype(np.float64)
    return np.asarray(np.log(np.clip(own, step, 1.0 - step)))
