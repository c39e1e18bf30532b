from __future__ import annotations

import gzip

import numpy as np
import pytest
from inc_data.formats.idx import read_idx


def idx(array, code=8):
    axes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, code, array.ndim]) + axes + array.tobytes()


@pytest.mark.parametrize(("code", "dtype"), [(8, ">u1"), (9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
def test_every_type_plain_and_gzipped(tmp_path, code, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    (tmp_path / "a").write_bytes(idx(array, code))
    (tmp_path / "b.gz").write_bytes(gzip.compress(idx(array, code)))
    for name in ("a", "b.gz"):
        found = read_idx(tmp_path / name)
        assert found.dtype == np.dtype(dtype).newbyteorder("=")
        assert np.array_equal(found, array)


def test_damaged_files_are_errors_that_name_the_file(tmp_path):
    whole = idx(np.arange(6, dtype=np.uint8).reshape(2, 3))
    path = tmp_path / "a"
    for content in (*(whole[:end] for end in range(len(whole))), whole + b"x", b"\0\0\x07\x01" + bytes(8), b"PK" + whole):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"where: .*/a"):
            read_idx(path)
    packed = tmp_path / "a.gz"
    for content in (whole, gzip.compress(whole)[:-9], b""):
        packed.write_bytes(content)
        with pytest.raises(ValueError, match=r"where: .*/a\.gz"):
            read_idx(packed)
