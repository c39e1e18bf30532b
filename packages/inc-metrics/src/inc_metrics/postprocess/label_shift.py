"""Labels that count from another number than the model's classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import LARGEST_LABEL
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import whole_number


class LabelShift:
    """Subtracts a constant from labels; models with a background class need labels that count from 1, or these shifted by -1.

    Args:
        label_shift: subtracted from every label; whole numbers come back as int64, so that none wraps around.
    """

    def __init__(self, label_shift: int = 0) -> None:
        self._shift = whole_number(label_shift, where="LabelShift(label_shift)")
        if abs(self._shift) > LARGEST_LABEL:
            raise MetricValueError(f"label_shift is {label_shift}", "LabelShift(label_shift)", f"give at most {LARGEST_LABEL}")

    def __call__(self, sample: tuple[Any, Any]) -> tuple[Any, Any]:
        """Return (predictions, labels) with the labels shifted: an array, or a list or tuple of labels or arrays, as it came.

        Raises:
            MetricTypeError: no pair, or labels that are no numbers.
            MetricValueError: a label beyond 2^53.
        """
        if not isinstance(sample, (tuple, list)) or len(sample) != 2:
            raise MetricTypeError(f"The sample is a {type(sample).__name__}", "LabelShift", "give (predictions, labels)")
        return sample[0], self._shifted(sample[1])

    def _shifted(self, labels: Any) -> Any:
        if type(labels) in (list, tuple):
            return type(labels)(self._shifted(label) for label in labels)
        if isinstance(labels, int) and not isinstance(labels, bool):
            return labels - self._shift
        values = as_array(labels, where="LabelShift(labels)")
        if values.dtype.kind in "bui":  # in a narrow or unsigned type the difference would wrap around
            if values.size and int(values.max()) > LARGEST_LABEL:
                what = f"Label {int(values.max())} is too large"
                raise MetricValueError(what, "LabelShift(labels)", f"labels are at most {LARGEST_LABEL}")
            values = values.astype(np.int64)
        return values - self._shift
