"""The numbers that 1.x gave where the modern metric gives another; the README says which and why.

Found by name as ``accuracy-v1``, ``bleu-v1``, ``loss-v1`` and ``squad-f1-v1``, and under the names of 1.x as ``ROC``, ``mAP``, ``COCOmAP``,
``COCOmAPv2``, ``VOCmAP`` and ``mIOU``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, check_scores, finite_float64, shapes_differ
from inc_metrics.detection.v1 import V1MAP, V1CocoMAP, V1CocoMAPv2, V1VocMAP
from inc_metrics.errors import MetricValueError
from inc_metrics.sample_mean import SampleMean
from inc_metrics.segmentation.mean_iou import V1MeanIoU
from inc_metrics.text.bleu import BLEU, ORDERS, brevity_penalty, smoothed, split_counts
from inc_metrics.text.squad import squad_f1

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "V1BLEU",
    "V1MAP",
    "V1ROC",
    "V1Accuracy",
    "V1CocoMAP",
    "V1CocoMAPv2",
    "V1Loss",
    "V1MeanIoU",
    "V1SquadF1",
    "V1VocMAP",
]


class V1Accuracy(SampleMean):
    """Accuracy as 1.x has it: without a class axis, predictions count as right where they *equal* the targets.

    Predictions with one axis more than the targets are scores with the classes on axis 1, of which the first best is taken unless
    there is only one class. No threshold is applied: probabilities have to be rounded beforehand. Every position counts.

    Args:
        keep_samples: keep each sample's fraction for ``samples()``.
    """

    name: ClassVar[str] = "accuracy-v1"
    higher_is_better: ClassVar[bool] = True

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch.

        Raises:
            MetricValueError: shapes that do not fit, an empty batch, or NaN.
            MetricTypeError: no numbers.
        """
        where = "V1Accuracy.update"
        left, right = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        left, right = align(left, right, where=where)
        check_scores(left, where=f"{where}(predictions)")
        if left.ndim == right.ndim + 1:
            left = left.argmax(axis=1) if left.shape[1] > 1 else left[:, 0]
        if left.shape != right.shape:
            raise shapes_differ(left, right, where=where, fix="give predictions shaped like the targets, or with a class axis more")
        self._take(np.asarray(left == right), where=where)


class V1ROC(SampleMean):
    """What 1.x calls ROC: the *accuracy* of scores rounded to 0 or 1, whatever its name says; use ``roc_auc`` for the area.

    Args:
        task: ``dlrm``, ``dien`` or ``wide_deep``; it makes no difference.
        keep_samples: keep each sample's outcome for ``samples()``.
    """

    name: ClassVar[str] = "roc"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, task: str = "dlrm", keep_samples: bool = False) -> None:
        tasks = ("dlrm", "dien", "wide_deep")
        if task not in tasks:
            raise MetricValueError(f"Unknown task {task!r}", "V1ROC(task)", f"one of {', '.join(tasks)}")
        super().__init__(keep_samples=keep_samples)

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in probabilities and targets of 0 or 1, one of each per sample in any shape.

        Raises:
            MetricValueError: unequal numbers of samples, an empty batch, or NaN or infinite scores.
            MetricTypeError: no numbers.
        """
        where = "V1ROC.update"
        scores, truth = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        if scores.size != truth.size or not scores.size:
            raise shapes_differ(scores, truth, where=where)
        rounded = np.round(finite_float64(scores, where=f"{where}(predictions)").reshape(-1))
        self._take(np.asarray(rounded == truth.reshape(-1)), where=where)


class V1BLEU(BLEU):
    """BLEU as 1.x computes it: lower case, tokens at every Unicode symbol and non-digit punctuation.

    An order that no text is long enough for is left out of the mean's sum, though not of its divisor, instead of making the score 0.

    Args:
        keep_samples: keep every sentence's counts for ``resampled``.
    """

    name: ClassVar[str] = "bleu-v1"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, keep_samples: bool = False) -> None:
        super().__init__(tokenize="v1", lowercase=True, keep_samples=keep_samples)

    def _value(self, counts: NDArray[np.int64]) -> float:
        matches, possible, length, reference = split_counts(counts)
        orders = sum(total > 0 for total in possible)
        if not orders:
            return 0.0
        precisions = smoothed(matches[:orders], possible[:orders])
        return 100.0 * brevity_penalty(length, reference) * math.exp(math.fsum(map(math.log, precisions)) / ORDERS)


class V1Loss(SampleMean):
    """The sum of everything given as loss over the number of targets: a batch's mean loss comes out divided by the batch size."""

    name: ClassVar[str] = "loss-v1"
    higher_is_better: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in the losses of one batch, in any shape, and its targets.

        Raises:
            MetricValueError: an empty batch, or NaN or infinite losses.
            MetricTypeError: no numbers.
        """
        where = "V1Loss.update"
        losses, labels = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        samples = len(labels) if labels.ndim else 1
        if not (losses.size and samples):
            raise shapes_differ(losses, labels, where=where, fix="leave out empty batches")
        elements = finite_float64(losses, where=f"{where}(predictions)").reshape(-1)
        self._total = self._total.plus_rows(elements, where=where)
        self._elements += samples


class V1SquadF1(SampleMean):
    """F1 of SQuAD v1.1 as 1.x averages it: every update counts the same, however many questions it holds.

    Args:
        keep_samples: keep each update's value for ``samples()``.
    """

    name: ClassVar[str] = "squad-f1-v1"
    higher_is_better: ClassVar[bool] = True
    right: ClassVar[float] = 100.0

    def update(self, predictions: Any, references: Any) -> None:
        """Take in texts by question id and the articles; see :meth:`inc_metrics.SquadF1.update`.

        Raises:
            MetricValueError: no question, or one without a true answer.
            MetricTypeError: something of another shape.
        """
        self._take(np.array([squad_f1(predictions, references)]), where="V1SquadF1.update")
