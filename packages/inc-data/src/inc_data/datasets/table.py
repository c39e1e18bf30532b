"""Columns of a pyarrow Table or of a Hugging Face dataset, known by their methods; neither is imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from inc_data.faults import fault, one_of
from inc_data.fingerprint import Digest, describe
from inc_data.protocols import Array, IndexArray
from inc_data.transforms.protocol import apply_to_item


class Table:
    """Rows of a table as items ``(input, label)``, or ``input`` without a label.

    Args:
        table: anything with ``column_names`` and either ``slice(offset, length).to_pydict()`` (pyarrow's Table) or ``__getitem__``
            by row number that gives a dict (``datasets.Dataset``).
        inputs: name of the input's column; a list of names gives inputs that are dicts. By default all columns but the label.
        label: name of the label's column, or None.
        transform: applied to each item.

    Raises:
        TypeError: no such table.
        ValueError: an unknown column, or no rows.
    """

    def __init__(
        self, table: Any, inputs: str | Sequence[str] | None = None, label: str | None = None, transform: Callable[[Any], Any] | None = None
    ) -> None:
        self._sliced = hasattr(table, "slice") and hasattr(table, "num_rows")
        names = getattr(table, "column_names", None)
        if not isinstance(names, list | tuple) or not (self._sliced or hasattr(table, "__getitem__")):
            raise TypeError(
                fault(
                    f"{type(table).__name__} is no table with columns.",
                    where="Table",
                    fix="give a pyarrow.Table or a datasets.Dataset (one split)",
                )
            )
        self._table = table
        self._single = inputs if isinstance(inputs, str) else None
        self._names = [name for name in names if name != label] if inputs is None else [inputs] if isinstance(inputs, str) else list(inputs)
        self._label = label
        self.transform = transform
        for name in [*self._names, *([label] if label is not None else [])]:
            if name not in names:
                raise ValueError(fault(f"The table has no column {name!r}.", where="Table", fix=f"there is {one_of(name, names)}"))
        if not len(self):
            raise ValueError(fault("The table has no rows.", where="Table", fix="give at least one"))

    @property
    def labels(self) -> Array | None:
        """The label's column as an array, or None."""
        if self._label is None:
            return None
        column = self._table[self._label]
        return np.asarray(column.to_pylist() if hasattr(column, "to_pylist") else list(column))

    def __len__(self) -> int:
        return int(self._table.num_rows) if self._sliced else len(self._table)

    def __getitem__(self, index: int) -> Any:
        item = self._item(index)
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=self._label is not None)

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over the rows and the transform."""
        digest = Digest("table", describe(self.transform))
        for index in indices.tolist():
            digest.add_item(self._item(index))
        return digest.hexdigest()

    def _item(self, index: int) -> Any:
        row = self._row(index)
        inputs = _value(row[self._single]) if self._single is not None else {name: _value(row[name]) for name in self._names}
        return inputs if self._label is None else (inputs, _value(row[self._label]))

    def _row(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(fault(f"There is no row {index}.", where=f"Table of {len(self)} rows", fix="ask for a row in range"))
        if not self._sliced:
            return self._table[index]
        return {name: values[0] for name, values in self._table.slice(index % len(self), 1).to_pydict().items()}


def _value(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, list) and value and not isinstance(value[0], str | dict) else value
