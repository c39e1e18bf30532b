"""Fraction of right decisions."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, as_labels, shapes_differ
from inc_metrics.classification.scores import decide_binary, scores_and_labels
from inc_metrics.errors import MetricValueError
from inc_metrics.sample_mean import SampleMean

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Task(StrEnum):
    """What one prediction decides: one class of many, yes or no, or yes or no for each of several labels."""

    MULTICLASS = "multiclass"
    BINARY = "binary"
    MULTILABEL = "multilabel"


class Accuracy(SampleMean):
    """Fraction of right decisions among all decisions.

    ===========  ===================================================  =======================================
    task         predictions                                          targets
    ===========  ===================================================  =======================================
    multiclass   scores ``(N, C, ...)`` or labels ``(N, ...)``        labels ``(N, ...)`` or one-hot
    binary       scores or labels ``(N,)`` or ``(N, 1)``              0 or 1, ``(N,)`` or ``(N, 1)``
    multilabel   scores or labels ``(N, L, ...)``                     0 or 1, same shape; each label counts
    ===========  ===================================================  =======================================

    A single sample is given without the batch axis: scores ``(C,)`` with a scalar target, or ``(L,)`` with ``(L,)``.
    Among equal scores the first class wins.

    Args:
        task: inferred from the first batch when None. Float predictions shaped like their targets ``(N, C)`` are refused then
            unless a threshold says that they are multilabel: one-hot targets look the same.
        threshold: binary and multilabel scores above it say yes; None means 0.5 and insists on probabilities. 0.0 suits logits.
        num_classes: bound for labels where predictions are labels too.
        class_axis: where the classes are in multiclass scores.
        keep_samples: keep each sample's fraction of right decisions for ``samples()``.
    """

    name: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def __init__(
        self,
        *,
        task: Task | str | None = None,
        threshold: float | None = None,
        num_classes: int | None = None,
        class_axis: int = 1,
        keep_samples: bool = False,
    ) -> None:
        self._task = None if task is None else _parse_task(task)
        self._threshold = threshold
        self._num_classes = num_classes
        self._class_axis = class_axis
        super().__init__(keep_samples=keep_samples)

    def reset(self) -> None:
        """Forget everything taken in, the inferred task included."""
        super().reset()
        self._seen_task: Task | None = None

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one batch or one sample.

        Raises:
            MetricValueError: shapes, labels or scores that make no sense, or another task than before.
            MetricTypeError: no numbers.
        """
        where = "Accuracy.update"
        scores, truth = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        task = self._task or _infer_task(scores, truth, self._threshold, where=where)
        self._refuse_other_task(task, where=where)
        if task is Task.MULTICLASS:
            right = self._multiclass(scores, truth, where=where)
        elif task is Task.BINARY:
            right = self._yes_or_no(*_without_column(scores, truth, where=where), where=where)
        else:
            right = self._yes_or_no(*_with_batch_axis(scores, truth), where=where)
        self._take(right, where=where)
        self._seen_task = task

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has; see :meth:`SampleMean.merge`.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options, or another inferred task.
        """
        if isinstance(other, Accuracy) and other._seen_task is not None:
            self._refuse_other_task(other._seen_task, where="Accuracy.merge")
        super().merge(other)
        self._seen_task = self._seen_task or other._seen_task

    def _options(self) -> dict[str, object]:
        own = {"task": self._task, "threshold": self._threshold, "num_classes": self._num_classes, "class_axis": self._class_axis}
        return {**own, **super()._options()}

    def _refuse_other_task(self, task: Task, *, where: str) -> None:
        if self._seen_task not in (None, task):
            raise MetricValueError(
                f"This batch looks {task.value}, the ones before {self._seen_task}",
                where,
                f"set task, or use one metric per task; one of {_TASKS}",
            )

    def _multiclass(self, predictions: NDArray[Any], targets: NDArray[Any], *, where: str) -> NDArray[np.bool_]:
        decided, truth = _without_column(predictions, targets, where=where)
        if decided.shape == truth.shape and (decided.ndim == 1 or decided.dtype.kind != "f"):
            decided_labels = as_labels(decided, classes=self._num_classes, where=f"{where}(predictions)")
            return np.asarray(decided_labels == as_labels(truth, classes=self._num_classes, where=f"{where}(targets)"))
        scores, labels = scores_and_labels(predictions, targets, class_axis=self._class_axis, where=where)
        return np.asarray(scores.argmax(axis=-1) == labels)

    def _yes_or_no(self, predictions: NDArray[Any], targets: NDArray[Any], *, where: str) -> NDArray[np.bool_]:
        predictions, targets = align(predictions, targets, where=where)
        if predictions.shape != targets.shape:
            raise shapes_differ(predictions, targets, where=where, fix="give yes-or-no targets shaped like the predictions, or set task")
        truth = as_labels(targets, classes=2, where=f"{where}(targets)") == 1
        return np.asarray(decide_binary(predictions, self._threshold, where=f"{where}(predictions)") == truth)


def accuracy(
    predictions: Any,
    targets: Any,
    *,
    task: Task | str | None = None,
    threshold: float | None = None,
    num_classes: int | None = None,
    class_axis: int = 1,
) -> float:
    """Return the fraction of right decisions in one batch; see :class:`Accuracy`."""
    metric = Accuracy(task=task, threshold=threshold, num_classes=num_classes, class_axis=class_axis)
    metric.update(predictions, targets)
    return metric.result()


_TASKS = ", ".join(Task)


def _parse_task(task: Task | str) -> Task:
    try:
        return Task(task)
    except ValueError as error:
        raise MetricValueError(f"Unknown task {task!r}", "Accuracy(task)", f"one of {_TASKS}") from error


def _infer_task(predictions: NDArray[Any], targets: NDArray[Any], threshold: float | None, *, where: str) -> Task:
    predictions, targets = align(predictions, targets, where=where)
    floating = predictions.dtype.kind == "f"
    if predictions.ndim == 1 or (predictions.ndim == 2 and predictions.shape[1] == 1):
        return Task.BINARY if floating else Task.MULTICLASS
    if predictions.shape == targets.shape and threshold is not None:
        return Task.MULTILABEL
    if predictions.shape == targets.shape and floating:
        raise MetricValueError(
            f"Scores and targets both have shape {predictions.shape}: this may be one-hot or multilabel",
            where,
            'set task="multiclass" for one-hot targets, task="multilabel" otherwise',
        )
    return Task.MULTICLASS


def _without_column(predictions: NDArray[Any], targets: NDArray[Any], *, where: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Drop the single column that binary models and data sets often carry."""
    predictions, targets = align(predictions, targets, where=where)
    return (
        predictions[:, 0] if predictions.ndim == 2 and predictions.shape[1] == 1 else predictions,
        targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets,
    )


def _with_batch_axis(predictions: NDArray[Any], targets: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read one axis on both sides as the labels of a single sample."""
    return (predictions[np.newaxis], targets[np.newaxis]) if predictions.ndim == targets.ndim == 1 else (predictions, targets)
