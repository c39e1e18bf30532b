"""Outputs gathered until a data set is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.errors import MetricValueError
from inc_metrics.options import whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Collect:
    """Gathers the rows of batches, for postprocessing that needs all of them, such as answers from overlapping windows.

    Args:
        length: rows of the whole data set; what a padded last batch has beyond it is dropped.
    """

    def __init__(self, length: int) -> None:
        self._length = whole_number(length, where="Collect(length)", least=1)
        self._outputs: list[list[NDArray[Any]]] = []
        self._rows = 0

    @property
    def missing(self) -> int:
        """How many rows are still to come; the arrays are complete at 0."""
        return self._length - self._rows

    def add(self, outputs: Any) -> None:
        """Keep a copy of one batch: an array ``(N, ...)``, or a tuple or list of them, one per output of the model.

        Raises:
            MetricValueError: outputs of unequal length, of another number or shape than before, an empty batch, or a complete set.
            MetricTypeError: no numbers.
        """
        where = "Collect.add"
        arrays = [as_array(output, where=where) for output in (outputs if isinstance(outputs, (tuple, list)) else (outputs,))]
        shapes = [array.shape for array in arrays]
        if not arrays or not all(shape and shape[0] for shape in shapes) or len({shape[0] for shape in shapes}) != 1:
            raise MetricValueError(f"The outputs have shapes {shapes}", where, "give outputs with one row per sample")
        before = [batches[0].shape for batches in self._outputs]
        if before and [shape[1:] for shape in before] != [shape[1:] for shape in shapes]:
            raise MetricValueError(f"The outputs have shapes {shapes}, the ones before {before}", where, "give every batch in one layout")
        if not self.missing:
            raise MetricValueError(f"All {self._length} rows have come", where, "make a new Collect for another pass")
        kept = [array[: self.missing].copy() for array in arrays]
        self._outputs = self._outputs or [[] for _ in kept]
        for batches, array in zip(self._outputs, kept, strict=True):
            batches.append(array)
        self._rows += len(kept[0])

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return each output with all its rows.

        Raises:
            MetricValueError: rows are missing.
        """
        if self.missing:
            raise MetricValueError(f"{self.missing} of {self._length} rows are missing", "Collect.arrays", "add all batches first")
        return tuple(np.concatenate(batches) for batches in self._outputs)
