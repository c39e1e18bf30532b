"""Fraction of samples whose label is among the best-scored classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.classification.scores import scores_and_labels
from inc_metrics.errors import MetricValueError
from inc_metrics.options import whole_number
from inc_metrics.sample_mean import SampleMean

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TopK(SampleMean):
    """Fraction of samples whose label is among the ``k`` best-scored classes.

    Scores have shape ``(N, C, ...)``, targets ``(N, ...)`` or one-hot; a single sample is ``(C,)`` with a scalar target.
    Among equal scores the class with the lower index ranks first, so that exactly ``k`` classes are counted
    and ``TopK(k=1)`` is :class:`inc_metrics.Accuracy`.

    Args:
        k: how many of the best classes count, at least 1 and at most the number of classes.
        class_axis: where the classes are in the scores.
        keep_samples: keep each sample's outcome for ``samples()``.
    """

    name: ClassVar[str] = "topk"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, k: int = 1, class_axis: int = 1, keep_samples: bool = False) -> None:
        self._k = whole_number(k, where="TopK(k)", least=1)
        self._class_axis = whole_number(class_axis, where="TopK(class_axis)")
        super().__init__(keep_samples=keep_samples)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch or one sample.

        Raises:
            MetricValueError: shapes, labels or scores that make no sense, or fewer than ``k`` classes.
            MetricTypeError: no numbers.
        """
        where = "TopK.update"
        scores, labels = scores_and_labels(
            as_array(predictions, where=f"{where}(predictions)"),
            as_array(targets, where=f"{where}(targets)"),
            class_axis=self._class_axis,
            where=where,
        )
        if self._k > scores.shape[-1]:
            raise MetricValueError(f"k is {self._k} with {scores.shape[-1]} classes", where, "choose a smaller k")
        self._take(_among_best(scores, labels, self._k), where=where)

    def _options(self) -> dict[str, object]:
        return {"k": self._k, "class_axis": self._class_axis, **super()._options()}


def top_k(predictions: Any, targets: Any, *, k: int = 1, class_axis: int = 1) -> float:
    """Return the top-k accuracy of one batch; see :class:`TopK`."""
    metric = TopK(k=k, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.result()


def _among_best(scores: NDArray[Any], labels: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
    """Rank only the label's own score: counting better classes takes one pass, where sorting takes many.

    Args:
        scores: shape ``(N, ..., C)``.
        labels: shape ``(N, ...)``.
        k: classes that count.

    Returns:
        Whether fewer than ``k`` classes rank before the label, shape ``(N, ...)``.
    """
    rows, flat = scores.reshape(-1, scores.shape[-1]), labels.reshape(-1)
    own = np.take_along_axis(rows, flat[:, np.newaxis], axis=1)
    among = _count(rows > own) < k
    candidates = np.flatnonzero(among)
    tied = candidates[_count(rows[candidates] >= own[candidates]) > k]
    if tied.size:  # only there does it matter which of the equal scores come first
        better = rows[tied] > own[tied]
        before = (rows[tied] == own[tied]) & (np.arange(rows.shape[1]) < flat[tied, np.newaxis])
        among[tied] = _count(better | before) < k
    return np.asarray(among).reshape(labels.shape)


def _count(flags: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Return how many flags of each row are set, shape ``(N,)``; adding bytes is several times as fast as ``np.count_nonzero`` by rows."""
    return np.asarray(flags.view(np.uint8).sum(axis=1, dtype=np.uint32))
