from __future__ import annotations

import numpy as np
import pytest
from inc_data import DataLoader, Table, fingerprint, split


class ArrowTable:
    """The part of pyarrow.Table that is used: columns, and slices that become dicts of lists."""

    def __init__(self, columns):
        self.columns = columns
        self.column_names = list(columns)
        self.num_rows = len(next(iter(columns.values())))

    def __getitem__(self, name):
        return Column(self.columns[name])

    def slice(self, offset, length):
        return ArrowTable({name: values[offset : offset + length] for name, values in self.columns.items()})

    def to_pydict(self):
        return self.columns


class Column(list):
    def to_pylist(self):
        return list(self)


class HuggingFace:
    """The part of datasets.Dataset that is used: rows by number, columns by name."""

    def __init__(self, columns):
        self.columns = columns
        self.column_names = list(columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key):
        return self.columns[key] if isinstance(key, str) else {name: values[key] for name, values in self.columns.items()}


COLUMNS = {"x": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], "text": ["a", "b", "c", "d"], "y": [0, 1, 0, 1]}


@pytest.mark.parametrize("kind", [ArrowTable, HuggingFace])
def test_rows_of_a_table(kind):
    table = Table(kind(COLUMNS), "x", "y")
    inputs, label = table[1]
    assert (inputs.tolist(), label, len(table)) == ([3, 4], 1, 4)
    assert table.labels.tolist() == [0, 1, 0, 1]
    assert [labels.tolist() for _, labels in DataLoader(table, 3)] == [[0, 1, 0], [1]]
    assert Table(kind(COLUMNS), label="y")[2][0]["text"] == "c"
    assert Table(kind(COLUMNS), ["text"])[3] == {"text": "d"}
    assert Table(kind(COLUMNS), "x", transform=np.sum)[0] == 3
    assert sorted(split(table, calibration=2).calibration.labels.tolist()) == [0, 1]
    with pytest.raises(IndexError, match="no row 4"):
        table[4]


def test_the_same_rows_have_the_same_fingerprint_in_either_kind():
    assert fingerprint(Table(ArrowTable(COLUMNS), "x", "y")) == fingerprint(Table(HuggingFace(COLUMNS), "x", "y"))


def test_bad_input_is_refused():
    with pytest.raises(TypeError, match="dict is no table"):
        Table({"x": [1]})
    with pytest.raises(ValueError, match=r"no column 'z'(?s:.*)one of text, x, y"):
        Table(HuggingFace(COLUMNS), "z")
    with pytest.raises(ValueError, match="no rows"):
        Table(HuggingFace({"x": []}))
