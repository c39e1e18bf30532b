from __future__ import annotations

import io

import numpy as np
import pytest
from inc_data.formats.arrays import read_npy, read_npz


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("mapped", [False, True])
def test_every_damaged_header_is_an_error_that_names_the_file(tmp_path, mapped):
    whole = npy(np.arange(3))
    path = tmp_path / "a.npy"
    for place in range(60):
        for code in b"\x00\xff('{":
            path.write_bytes(whole[:place] + bytes([code]) + whole[place + 1 :])
            try:
                read_npy(path, mapped=mapped)
            except ValueError as error:
                assert "a.npy" in str(error)  # noqa: PT017 - some damage (in the values of the header) is none
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"cannot be read(?s:.*)a\.npy"):
            read_npy(path, mapped=mapped)


def test_an_unknown_compression_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.arange(3))
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.find(signature) + place] = 97
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be read(?s:.*)a\.npz"):
        read_npz(path)
