"""Who is taken for whom, and what follows from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.classification.counts import DecisionCounts, class_indices
from inc_metrics.errors import MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inc_metrics.classification.decisions import Decisions, Task

_MOST_CLASSES = 1 << 15  # its matrix takes 8 GiB


class ConfusionMatrix(DecisionCounts):
    """Counts of (true class, predicted class); :meth:`matrix` returns them, :meth:`result` the fraction on the diagonal.

    Layouts are those of :class:`inc_metrics.Accuracy`, multiclass or binary; options are those of :class:`DecisionCounts`.
    """

    name: ClassVar[str] = "confusion-matrix"
    higher_is_better: ClassVar[bool] = True

    def matrix(self) -> NDArray[np.int64]:
        """Return the counts, rows true and columns predicted, shape ``(C, C)``.

        Raises:
            MetricValueError: nothing was taken in.
        """
        return self._seen_counts("matrix").copy()

    def _count(self, batch: Decisions) -> NDArray[np.int64]:
        if batch.task == "multilabel":
            fix = "use one metric per label, or Precision and Recall"
            raise MetricValueError("Several labels per sample have no confusion matrix", f"{type(self).__name__}.update", fix)
        predicted, truth, classes = class_indices(batch, most=_MOST_CLASSES, where=f"{type(self).__name__}.update")
        pairs = np.bincount(truth * classes + predicted, minlength=classes * classes)
        return pairs.astype(np.int64).reshape(classes, classes)

    def _value(self, counts: NDArray[np.int64], task: Task) -> float:
        return int(np.trace(counts)) / int(counts.sum())


class Matthews(ConfusionMatrix):
    """Matthews correlation coefficient between decisions and truth, from -1 to 1; for more than two classes its generalisation R_K.

    Where one side has a single class, the coefficient is 0/0; it is 0 then, as everywhere: constant decisions tell nothing.

    Source:
        Gorodkin, Computational Biology and Chemistry 28, 2004, doi:10.1016/j.compbiolchem.2004.09.006, eq. 8.
    """

    name: ClassVar[str] = "matthews"
    higher_is_better: ClassVar[bool] = True

    def _value(self, counts: NDArray[np.int64], task: Task) -> float:
        actual = [int(count) for count in counts.sum(axis=1)]
        predicted = [int(count) for count in counts.sum(axis=0)]
        total = sum(actual)
        covariance = total * int(np.trace(counts)) - sum(a * p for a, p in zip(actual, predicted, strict=True))
        spread = (total**2 - sum(p * p for p in predicted)) * (total**2 - sum(a * a for a in actual))
        return covariance / math.sqrt(spread) if spread else 0.0


def confusion_matrix(
    predictions: Any,
    targets: Any,
    *,
    task: Task | str | None = None,
    threshold: float | None = None,
    num_classes: int | None = None,
    class_axis: int = 1,
) -> NDArray[np.int64]:
    """Return the counts of one batch, rows true and columns predicted; see :class:`ConfusionMatrix`."""
    metric = ConfusionMatrix(task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.matrix()


def matthews(
    predictions: Any,
    targets: Any,
    *,
    task: Task | str | None = None,
    threshold: float | None = None,
    num_classes: int | None = None,
    class_axis: int = 1,
) -> float:
    """Return the Matthews correlation coefficient of one batch; see :class:`Matthews`."""
    metric = Matthews(task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.result()
