"""Fraction of samples on which two models decide alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import align, as_labels, check_scores, shapes_differ
from inc_metrics.classification.scores import class_axis_last, parse_threshold
from inc_metrics.errors import MetricValueError
from inc_metrics.options import whole_number
from inc_metrics.sample_mean import SampleMean

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Agreement(SampleMean):
    """Fraction of samples whose best class is the same for two models: accuracy with the reference as truth, no labels needed.

    Both sides have the same shape: scores ``(N, C, ...)``, or labels ``(N, ...)`` as integers.
    A single sample of scores keeps a batch axis of one, ``(1, C)``: without it, it could not be told from N binary scores.

    Args:
        threshold: for binary scores ``(N,)``, ``(N, 1)`` or several independent ones ``(N, L)``: a score above it says yes.
        class_axis: where the classes are in the scores.
        keep_samples: keep each sample's agreement for ``samples()``.
    """

    name: ClassVar[str] = "agreement"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, *, threshold: float | None = None, class_axis: int = 1, keep_samples: bool = False) -> None:
        self._threshold = parse_threshold(threshold, owner="Agreement")
        self._class_axis = whole_number(class_axis, where="Agreement(class_axis)")
        super().__init__(keep_samples=keep_samples)

    def update(self, candidate_outputs: Any, reference_outputs: Any) -> None:
        """Take in the outputs of two models for the same samples.

        Raises:
            MetricValueError: unequal shapes, NaN, or a single column of scores without a threshold.
            MetricTypeError: no numbers.
        """
        where = "Agreement.update"
        candidate = as_array(candidate_outputs, where=f"{where}(candidate_outputs)")
        reference = as_array(reference_outputs, where=f"{where}(reference_outputs)")
        candidate, reference = align(candidate, reference, where=where)
        if candidate.shape != reference.shape:
            raise shapes_differ(candidate, reference, where=where, fix="give the outputs of both models for the same samples")
        decisions = (
            self._decide(candidate, where=f"{where}(candidate_outputs)"),
            self._decide(reference, where=f"{where}(reference_outputs)"),
        )
        self._take(decisions[0] == decisions[1], where=where)

    def _decide(self, outputs: NDArray[Any], *, where: str) -> NDArray[Any]:
        check_scores(outputs, where=where)
        if self._threshold is not None:
            return np.asarray(outputs > self._threshold)
        if outputs.ndim > 1:
            return np.asarray(class_axis_last(outputs, self._class_axis, where=where).argmax(axis=-1))
        if outputs.dtype.kind == "f":
            fix = "give (1, C) for one sample, integers for labels, or set threshold for binary scores"
            raise MetricValueError(f"Scores of shape {outputs.shape} have no class axis", where, fix)
        return as_labels(outputs, classes=None, where=where)

    def _options(self) -> dict[str, object]:
        return {"threshold": self._threshold, "class_axis": self._class_axis, **super()._options()}


def agreement(candidate_outputs: Any, reference_outputs: Any, *, threshold: float | None = None, class_axis: int = 1) -> float:
    """Return the fraction of samples of one batch on which two models decide alike; see :class:`Agreement`."""
    metric = Agreement(threshold=threshold, class_axis=class_axis)
    metric.update(candidate_outputs, reference_outputs)
    return metric.result()
