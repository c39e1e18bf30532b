from __future__ import annotations

import pytest
from inc_data.formats.tfrecord import index_records


def test_records_of_several_files_are_found_by_number(tmp_path, write_records):
    payloads = [b"", b"x" * 5000, b"third", b"fourth"]
    paths = [write_records(tmp_path / "a", payloads[:2]), write_records(tmp_path / "b", payloads[2:])]
    index = index_records(paths)
    assert [index.read(number) for number in (3, 0, 2, 1)] == [payloads[number] for number in (3, 0, 2, 1)]


def test_every_truncation_is_found_before_anything_is_read(tmp_path, write_records):
    path = write_records(tmp_path / "a", [b"first", b"second"])
    whole = path.read_bytes()
    # 21 bytes are the first record (12 + 5 + 4): a file that ends there is whole.
    for end in [*range(1, 21), *range(22, len(whole))]:
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"ends inside a record(?s:.*)a, record at byte"):
            index_records([path])


def read_all(path):
    index = index_records([path])
    return [index.read(number) for number in range(len(index))]


def test_every_flipped_byte_is_found(tmp_path, write_records):
    path = write_records(tmp_path / "a", [b"first", b"second"])
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"(checksum|ends inside)(?s:.*)record at byte"):
            read_all(path)


def test_a_file_cut_after_it_was_indexed_is_an_error(tmp_path, write_records):
    path = write_records(tmp_path / "a", [b"first"])
    index = index_records([path])
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ValueError, match="ends inside a record"):
        index.read(0)
