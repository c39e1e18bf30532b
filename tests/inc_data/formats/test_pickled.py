from __future__ import annotations

import os
import pickle
import warnings

import numpy as np
import pytest
from inc_data.formats.pickled import read_pickled


def python2_batch(pixels, labels):
    """The opcodes that Python 2's cPickle (protocol 2) wrote for CIFAR: byte strings for text and data."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    rows, columns = pixels.shape
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        b"(K\x01M" + rows.to_bytes(2, "little") + b"M" + columns.to_bytes(2, "little") + b"\x86"
        b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + pixels.size.to_bytes(4, "little") + pixels.tobytes() + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}q\x01(" + text(b"data") + array + text(b"labels") + numbers + b"u."


def test_a_batch_as_python_2_wrote_it(tmp_path):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = tmp_path / "batch"
    path.write_bytes(python2_batch(pixels, [5, 0, 9]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy 2.4 dislikes the align of old dtypes
        expected = pickle.loads(path.read_bytes(), encoding="latin1")
    content = read_pickled(path)
    assert content["labels"] == expected["labels"] == [5, 0, 9]
    assert np.array_equal(content["data"], expected["data"])
    assert content["data"].dtype == np.uint8
    assert np.array_equal(content["data"], pixels)


@pytest.mark.parametrize("protocol", range(5))
def test_what_python_3_writes(tmp_path, protocol):
    data = {b"data": np.arange(6, dtype=">i4").reshape(2, 3), "parts": ("a", 1.5, None, True, -70000, [{"k": b"v"}])}
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    content = read_pickled(path)
    assert content["data"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert content["parts"] == ("a", 1.5, None, True, -70000, [{"k": b"v"}])


class Attack:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
def test_no_code_of_a_file_is_run_and_no_name_in_it_is_looked_up(tmp_path, protocol):
    marker = tmp_path / "run"
    path = tmp_path / "batch"
    for attack in (Attack(os.mkdir, str(marker)), Attack(eval, "1"), Attack(print, "run")):
        path.write_bytes(pickle.dumps({"data": attack}, protocol=protocol))
        with pytest.raises(ValueError, match=r"The file holds .*(?s:.*)where: .*batch"):
            read_pickled(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02",
        b".",
        b"\x80\x02}q",
        b"K\x01.",  # no dict
        b"}(K\x01u.",  # a key without a value
        b"h\x05.",  # a memo that was never put
        b"cnumpy\nndarray\n.",  # a name alone
        b"cnumpy\ndtype\nU\x01OK\x00K\x01\x87R.",  # objects
        b"cos\nsystem\nU\x02ls\x85R.",
        b"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00a.",  # an opcode of protocol 5
        b"cnumpy.core.multiarray\n_reconstruct\nK\x01\x85R.",
    ],
)
def test_damaged_files_are_errors_that_name_the_file(tmp_path, content):
    path = tmp_path / "batch"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"where: .*batch"):
        read_pickled(path)


def test_every_truncation_is_an_error(tmp_path):
    whole = python2_batch(np.arange(4, dtype=np.uint8).reshape(2, 2), [1, 2])
    path = tmp_path / "batch"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"where: "):
            read_pickled(path)


def test_a_small_file_cannot_unfold_into_a_large_structure(tmp_path):
    part = []
    for _ in range(60):
        part = [part, part]
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps({"data": part}))
    # 2 ** 60 leaves when it is unfolded, 60 lists when it is not.
    data = read_pickled(path)["data"]
    assert data[0] is data[1]
    circle = []
    circle.append(circle)
    path.write_bytes(pickle.dumps({"data": circle}))
    with pytest.raises(ValueError, match="holds itself"):
        read_pickled(path)
