"""From scores and targets, in the layouts that models and data sets use, to decisions and labels that can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.batches import align, as_labels, check_scores, shapes_differ
from inc_metrics.errors import MetricValueError
from inc_metrics.options import real_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLASS_SHAPES = "give targets (N, ...) or one-hot targets for predictions (N, C, ...); class_axis says where C is"


def scores_and_labels(
    predictions: NDArray[Any], targets: NDArray[Any], *, class_axis: int, where: str
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return scores of shape ``(N, ..., C)`` and labels of shape ``(N, ...)``.

    Targets are class indices ``(N, ...)``, a column ``(N, 1)`` of them, or one-hot like the scores. With targets ``(N,)``, axes of
    length one beside the classes are dropped from the scores, such as those of ``(N, C, 1, 1)``.

    Raises:
        MetricValueError: shapes that do not fit, fewer than two classes, NaN, or a label outside the classes.
    """
    predictions, targets = align(predictions, targets, where=where)
    if targets.shape == predictions.shape:
        scores = class_axis_last(predictions, class_axis, where=where)
        labels = _from_one_hot(class_axis_last(targets, class_axis, where=where), where=where)
    else:
        if predictions.ndim == 2 and targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        scores = class_axis_last(predictions, class_axis, where=where)
        if targets.ndim == 1 and scores.size == len(scores) * scores.shape[-1]:
            scores = scores.reshape(len(scores), -1)
        if scores.shape[:-1] != targets.shape:
            raise shapes_differ(predictions, targets, where=where, fix=_CLASS_SHAPES)
        labels = as_labels(targets, classes=scores.shape[-1], where=where)
    check_scores(scores, where=where)
    return scores, labels


def class_axis_last(scores: NDArray[Any], class_axis: int, *, where: str) -> NDArray[Any]:
    """Move the class axis to the end.

    Raises:
        MetricValueError: there is no such axis, it is the batch axis, or it holds fewer than two classes.
    """
    axis = class_axis + scores.ndim if class_axis < 0 else class_axis
    if not 0 < axis < scores.ndim:
        raise MetricValueError(f"Scores of shape {scores.shape} have no class axis {class_axis}", where, "give scores (N, C)")
    if scores.shape[axis] < 2:
        raise MetricValueError(
            f"Scores of shape {scores.shape} have {scores.shape[axis]} class on axis {class_axis}: the best class is always the same",
            where,
            "set threshold for binary scores, or class_axis",
        )
    return np.moveaxis(scores, axis, -1)


def parse_threshold(threshold: float | None, *, owner: str) -> float | None:
    """Return the score above which the decision is yes; raises MetricTypeError or MetricValueError for what is no finite number."""
    return None if threshold is None else real_number(threshold, where=f"{owner}(threshold)")


def decide_binary(predictions: NDArray[Any], threshold: float | None, *, where: str) -> NDArray[np.bool_]:
    """Return which predictions say yes: labels 1, or scores above the threshold.

    Without a threshold, floats must be probabilities and are cut at 0.5: logits cannot be told from a batch of probabilities
    when all of them happen to lie between 0 and 1, so they are refused rather than guessed.

    Raises:
        MetricValueError: NaN, scores outside 0 to 1 without a threshold, or labels other than 0 and 1.
    """
    check_scores(predictions, where=where)
    if threshold is not None:
        return np.asarray(predictions > threshold)
    if predictions.dtype.kind != "f":
        return np.asarray(as_labels(predictions, classes=2, where=where) == 1)
    lowest, highest = float(predictions.min()), float(predictions.max())
    if lowest < 0.0 or highest > 1.0:
        raise MetricValueError(
            f"Binary scores reach from {lowest} to {highest}, so they are no probabilities",
            where,
            "set threshold=0.0 for logits; convert class labels to integers",
        )
    return np.asarray(predictions > 0.5)


def _from_one_hot(targets: NDArray[Any], *, where: str) -> NDArray[np.int64]:
    flags = as_labels(targets, classes=2, where=where)
    ones = flags.sum(axis=-1)
    if (ones != 1).any():
        raise MetricValueError(
            f"A row of one-hot targets holds {int(ones[ones != 1][0])} ones", where, 'one per row, or task="multilabel" if several may hold'
        )
    return np.asarray(flags.argmax(axis=-1))
