"""Items from arrays in memory (or memory-mapped): one row of each array is one item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from inc_data.faults import fault
from inc_data.fingerprint import ROWS_PER_BLOCK, Digest, describe
from inc_data.protocols import Array, BatchReader, IndexArray, Item
from inc_data.structure import leaves, map_leaves
from inc_data.transforms.protocol import apply_to_item


class ArrayDataset:
    """Rows of arrays as items ``(input, label)``, or ``input`` without labels.

    Several inputs are best given as a dict: without labels, a tuple of two arrays yields items that read as (input, label).

    Args:
        inputs: an array of shape ``(N, ...)``, or a tuple or dict (nested at will) of such arrays. Lists are turned into arrays.
        labels: the same for labels, or None.
        transform: applied to each item when it is read; batches are then read item by item.

    Raises:
        ValueError: an array has no rows, or the arrays differ in their number of rows, or rows in their shape.
        TypeError: a leaf is no array of numbers or text.
    """

    def __init__(self, inputs: Any, labels: Any = None, *, transform: Callable[[Any], Any] | None = None) -> None:
        self.inputs = map_leaves(_as_rows, inputs)
        self._labels = None if labels is None else map_leaves(_as_rows, labels)
        self.transform = transform
        self._length = _common_length([*leaves(self.inputs, "inputs"), *(leaves(self._labels, "labels") if labels is not None else ())])

    @property
    def labels(self) -> Any:
        """Labels of all items: an array of shape ``(N, ...)``, a structure of those, or None."""
        return self._labels

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Item:
        item = self._rows(index)
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=self._labels is not None)

    def batch_reader(self) -> BatchReader | None:
        """Return a reader that takes rows of the arrays directly; slices give views of them."""
        if self.transform is not None:
            return None
        inputs, labels = self.inputs, self._labels
        if isinstance(inputs, np.ndarray) and isinstance(labels, np.ndarray):
            # The everyday form without the walk over a structure, which costs as much as the two slices.
            return lambda index: (inputs[index], labels[index])
        return self._rows

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over dtypes, shapes and rows of every array, and the transform."""
        digest = Digest("arrays", describe(self.transform))
        for path, array in [*leaves(self.inputs, "inputs"), *leaves(self._labels, "labels")]:
            if array is None:
                continue
            digest.add_text(f"{path} {array.dtype.str} {array.shape[1:]}")
            for start in range(0, len(indices), ROWS_PER_BLOCK):
                digest.add_array(array[indices[start : start + ROWS_PER_BLOCK]])
        return digest.hexdigest()

    def _rows(self, index: int | slice | IndexArray) -> Item:
        inputs = map_leaves(lambda array: array[index], self.inputs)
        return inputs if self._labels is None else (inputs, map_leaves(lambda array: array[index], self._labels))


def _as_rows(values: Any) -> Array:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(fault("The rows differ in shape.", where="ArrayDataset", fix="pad or cut them to one shape")) from error


def _common_length(arrays: list[tuple[str, Array]]) -> int:
    for path, array in arrays:
        if array.dtype.hasobject:
            raise TypeError(fault("The rows are Python objects.", where=path, fix="give an array of numbers or text"))
    rows = {path: array.shape[0] if array.ndim else 0 for path, array in arrays}
    if not rows or 0 in rows.values():
        empty = [path for path, count in rows.items() if count == 0] or ["inputs"]
        raise ValueError(fault("An array has no rows.", where=", ".join(empty), fix="give arrays of shape (N, ...) with N of at least 1"))
    if len(set(rows.values())) > 1:
        shown = ", ".join(f"{path} has {count}" for path, count in rows.items())
        raise ValueError(fault(f"The arrays differ in their number of rows: {shown}.", where="ArrayDataset", fix="give one row per item"))
    return next(iter(rows.values()))
