from __future__ import annotations

import numpy as np
import pytest
from inc_data import CSVFile, DataLoader, NumpyFile, fingerprint


def test_arrays_of_an_npz(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(6.0).reshape(3, 2), m=np.ones((3, 1)), y=np.array([4, 5, 6]))
    inputs, label = NumpyFile(path, labels="y")[1]
    assert (inputs["x"].tolist(), inputs["m"].tolist(), label) == ([2, 3], [1], 5)
    assert NumpyFile(path, "x", "y")[1][0].tolist() == [2, 3]
    assert list(NumpyFile(path, ["m"])[0]) == ["m"]
    with pytest.raises(ValueError, match=r"no array 'z'(?s:.*)there is one of m, x, y"):
        NumpyFile(path, "z")


def test_an_npy_is_mapped_and_not_read(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(3, 2))
    np.save(tmp_path / "y.npy", np.arange(3))
    data = NumpyFile(tmp_path / "x.npy", labels=tmp_path / "y.npy")
    assert not data.inputs.flags.owndata
    assert [labels.tolist() for _, labels in DataLoader(data, 2)] == [[0, 1], [2]]
    assert fingerprint(data) == fingerprint(NumpyFile(tmp_path / "x.npy", labels=tmp_path / "y.npy"))


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object))
    np.savez(tmp_path / "x.npz", x=np.array([{}], dtype=object))
    for name in ("x.npy", "x.npz", "gone.npz", "gone.npy"):
        with pytest.raises(ValueError, match=rf"cannot be read(?s:.*){name}"):
            NumpyFile(tmp_path / name)
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npy").read_bytes())
    with pytest.raises(ValueError, match="cannot be read"):
        NumpyFile(tmp_path / "x.npz")


def test_rows_of_a_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("\ufeffa, b,kind\n1,2.5,dog\n3,4,cat\n\n5,6,dog\n", encoding="utf-8")
    data = CSVFile(path, label="kind")
    assert [(x.tolist(), y) for x, y in map(data.__getitem__, range(3))] == [([1, 2.5], 1), ([3, 4], 0), ([5, 6], 1)]
    assert data.classes == ("cat", "dog")
    assert data[0][0].dtype == np.float32
    assert CSVFile(path, "b", ["a"]).labels.dtype == np.float32
    assert CSVFile(path, "a", ["b"]).labels.tolist() == [1, 3, 5]
    assert CSVFile(path, columns=["a", "b"])[0].tolist() == [1, 2.5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3\n", r"1 cells, the header 2(?s:.*)line 3"),
        ("a,b\n1,x\n", r"'x' is no number(?s:.*)line 2, column b"),
        ("a,a\n1,2\n", "different names"),
        ("a,b\n", "no rows"),
        ("", "no rows"),
        ('a,b\n"1,2\n', "cannot be read"),
    ],
)
def test_a_bad_csv_is_an_error_that_names_the_place(tmp_path, content, message):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        CSVFile(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"a\.csv"):
        CSVFile(tmp_path / "a.csv", label="c")


@pytest.mark.parametrize("delimiter", ["", ";;", "\n", '"', None])
def test_a_delimiter_that_cannot_be_is_refused(tmp_path, delimiter):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="delimiter must be one character"):
        CSVFile(tmp_path / "a.csv", delimiter=delimiter)
