"""From predictions in any layout to decisions that can be counted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, as_labels, shapes_differ
from inc_metrics.classification.scores import decide_binary, parse_threshold, scores_and_labels
from inc_metrics.errors import MetricValueError
from inc_metrics.options import whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Task(StrEnum):
    """What one prediction decides: one class of many, yes or no, or yes or no for each of several labels."""

    MULTICLASS = "multiclass"
    BINARY = "binary"
    MULTILABEL = "multilabel"


TASKS = ", ".join(Task)


class Decisions(NamedTuple):
    """One batch of decisions and truths, both of shape ``(N, ...)``: class indices, or booleans unless multiclass.

    ``classes`` is how many there are: the columns of multiclass scores or of labels, None where only labels were given.
    """

    task: Task
    predicted: NDArray[Any]
    truth: NDArray[Any]
    classes: int | None


class Decider:
    """Reads predictions and targets the same way batch after batch, and refuses batches of another task.

    Args:
        task: inferred from the first batch when None; see :class:`inc_metrics.Accuracy` for the layouts.
        threshold: binary and multilabel scores above it say yes; None means 0.5 and insists on probabilities.
        num_classes: bound for labels where predictions are labels too.
        class_axis: where the classes are in multiclass scores.
        owner: name of the metric, used in error messages only.
    """

    def __init__(self, *, task: Task | str | None, threshold: float | None, num_classes: int | None, class_axis: int, owner: str) -> None:
        self._task = None if task is None else _parse_task(task, owner)
        self._threshold = parse_threshold(threshold, owner=owner)
        self._num_classes = None if num_classes is None else whole_number(num_classes, where=f"{owner}(num_classes)", least=2)
        self._class_axis = whole_number(class_axis, where=f"{owner}(class_axis)")
        self._owner = owner
        self.seen: Task | None = None

    def reset(self) -> None:
        """Forget the inferred task."""
        self.seen = None

    def options(self) -> dict[str, object]:
        """Return what has to be equal for two metrics to be merged."""
        return {"task": self._task, "threshold": self._threshold, "num_classes": self._num_classes, "class_axis": self._class_axis}

    def decide(self, predictions: Any, targets: Any) -> Decisions:
        """Return the decisions of one batch or one sample.

        Raises:
            MetricValueError: shapes, labels or scores that make no sense, or another task than before.
            MetricTypeError: no numbers.
        """
        where = f"{self._owner}.update"
        scores, truth = as_array(predictions, where=f"{where}(predictions)"), as_array(targets, where=f"{where}(targets)")
        task = self._task or _infer_task(scores, truth, self._threshold, where=where)
        self._refuse_other_task(task, where=where)
        if task is Task.MULTICLASS:
            return self._multiclass(scores, truth, where=where)
        if task is Task.BINARY:
            return self._yes_or_no(task, *_without_column(scores, truth, where=where), where=where)
        return self._yes_or_no(task, *_with_batch_axis(scores, truth), where=where)

    def join(self, other: Decider) -> None:
        """Take over the task that another decider has inferred.

        Raises:
            MetricValueError: it is another one.
        """
        if other.seen is not None:
            self._refuse_other_task(other.seen, where=f"{self._owner}.merge")
        self.seen = self.seen or other.seen

    def _refuse_other_task(self, task: Task, *, where: str) -> None:
        if self.seen not in (None, task):
            raise MetricValueError(
                f"This batch looks {task.value}, the ones before {self.seen}",
                where,
                f"set task, or use one metric per task; one of {TASKS}",
            )

    def _multiclass(self, predictions: NDArray[Any], targets: NDArray[Any], *, where: str) -> Decisions:
        decided, truth = _without_column(predictions, targets, where=where)
        if decided.shape == truth.shape and (decided.ndim == 1 or decided.dtype.kind != "f"):
            decided = as_labels(decided, classes=self._num_classes, where=f"{where}(predictions)")
            truth = as_labels(truth, classes=self._num_classes, where=f"{where}(targets)")
            return Decisions(Task.MULTICLASS, decided, truth, self._num_classes)
        scores, labels = scores_and_labels(predictions, targets, class_axis=self._class_axis, where=where)
        return Decisions(Task.MULTICLASS, np.asarray(scores.argmax(axis=-1)), labels, scores.shape[-1])

    def _yes_or_no(self, task: Task, predictions: NDArray[Any], targets: NDArray[Any], *, where: str) -> Decisions:
        predictions, targets = align(predictions, targets, where=where)
        if predictions.shape != targets.shape:
            raise shapes_differ(predictions, targets, where=where, fix="give yes-or-no targets shaped like the predictions, or set task")
        truth = as_labels(targets, classes=2, where=f"{where}(targets)") == 1
        decided = decide_binary(predictions, self._threshold, where=f"{where}(predictions)")
        return Decisions(task, decided, np.asarray(truth), predictions.shape[1] if task is Task.MULTILABEL else None)


def _parse_task(task: Task | str, owner: str) -> Task:
    try:
        return Task(task)
    except ValueError as error:
        raise MetricValueError(f"Unknown task {task!r}", f"{owner}(task)", f"one of {TASKS}") from error


def _infer_task(predictions: NDArray[Any], targets: NDArray[Any], threshold: float | None, *, where: str) -> Task:
    predictions, targets = align(predictions, targets, where=where)
    floating = predictions.dtype.kind == "f"
    if predictions.ndim == 1 or (predictions.ndim == 2 and predictions.shape[1] == 1):
        return Task.BINARY if floating or predictions.dtype.kind == "b" else Task.MULTICLASS
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
