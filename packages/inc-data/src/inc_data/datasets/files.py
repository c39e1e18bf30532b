"""Arrays from .npy and .npz files, and rows of CSV files."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.datasets.arrays import ArrayDataset
from inc_data.faults import checked_path, fault, one_of
from inc_data.formats.arrays import read_npy, read_npz
from inc_data.protocols import Array


class NumpyFile(ArrayDataset):
    """Arrays of a ``.npz`` or ``.npy`` file, never unpickled; one ``.npy`` is memory-mapped.

    Args:
        path: the file.
        inputs: name of the input's array in a ``.npz``; a list of names gives items that are dicts. By default all arrays but the labels.
        labels: name of the labels' array in a ``.npz``, or path of a second ``.npy``; or None.
        transform: applied to each item.

    Raises:
        ValueError: the file is damaged, holds objects, or has no array of that name.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        inputs: str | Sequence[str] | None = None,
        labels: str | os.PathLike[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        file = checked_path(path, where="NumpyFile")
        if file.suffix == ".npy":
            targets = None if labels is None else read_npy(checked_path(labels, where="NumpyFile"), mapped=True)
            super().__init__(read_npy(file, mapped=True), targets, transform=transform)
            return
        arrays = read_npz(file)
        label = None if labels is None else str(labels)
        wanted = [name for name in arrays if name != label] if inputs is None else [inputs] if isinstance(inputs, str) else list(inputs)
        _require_names(wanted, label, arrays, file, "array")
        chosen = {name: arrays[name] for name in wanted}
        single = isinstance(inputs, str) or (inputs is None and len(wanted) == 1)
        super().__init__(chosen[wanted[0]] if single else chosen, arrays[label] if label else None, transform=transform)


class CSVFile(ArrayDataset):
    """Rows of a CSV file with a header as items ``(float32 (columns,), label)``.

    Args:
        path: the file, UTF-8.
        label: name of the label's column, or None for items that are inputs alone. Whole numbers become int64, other numbers float32, and
            text the position among the sorted values (``classes``).
        columns: names of the input's columns, by default all others.
        delimiter: between cells.
        transform: applied to each item.

    Raises:
        ValueError: no such column, a row of another length, or an input that is no number; the message names the line.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        label: str | None = None,
        columns: Sequence[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        *,
        delimiter: str = ",",
    ) -> None:
        file = checked_path(path, where="CSVFile")
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"':
            raise ValueError(fault(f"delimiter must be one character, got {delimiter!r}.", where="CSVFile", fix="pass ',', ';' or '\\t'"))
        header, rows = _read_csv(file, delimiter)
        wanted = [name for name in header if name != label] if columns is None else list(columns)
        _require_names(wanted, label, header, file, "column")
        places = [header.index(name) for name in wanted]
        inputs = np.array([[_number(row[place], file, line, header[place]) for place in places] for line, row in rows], np.float32)
        self.columns = tuple(wanted)
        self.classes: tuple[str, ...] = ()
        labels = None
        if label is not None:
            labels, self.classes = _labels([row[header.index(label)].strip() for _, row in rows])
        super().__init__(inputs, labels, transform=transform)


def _require_names(wanted: list[str], label: str | None, known: Iterable[str], file: Path, kind: str) -> None:
    for name in [*wanted, *([] if label is None else [label])]:
        if name not in known:
            raise ValueError(fault(f"The file has no {kind} {name!r}.", where=str(file), fix=f"there is {one_of(name, known)}"))


def _read_csv(path: Path, delimiter: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    fix = "give a CSV file in UTF-8 with a header and rows of equal length"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(fault(f"The file cannot be read: {error}.", where=str(path), fix=fix)) from error
    if not header or not rows or len(set(header)) < len(header):
        raise ValueError(fault("The file has no rows below a header of different names.", where=str(path), fix=fix))
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(fault(f"A row has {len(row)} cells, the header {len(header)}.", where=f"{path}, line {line}", fix=fix))
    return header, rows


def _number(cell: str, path: Path, line: int, column: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise ValueError(
            fault(
                f"{cell!r} is no number.",
                where=f"{path}, line {line}, column {column}",
                fix="correct it, or leave the column out of columns=",
            )
        ) from error


def _labels(cells: list[str]) -> tuple[Array, tuple[str, ...]]:
    for kind in (np.int64, np.float32):
        try:
            return np.array([kind(cell) for cell in cells]), ()
        except (ValueError, OverflowError):
            continue
    classes, numbers = np.unique(np.array(cells), return_inverse=True)
    return numbers.reshape(-1).astype(np.int64), tuple(classes.tolist())
