from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data.formats.example import parse_example


def test_a_message_worked_out_by_hand():
    # Example{1: Features{1: entry{1: "n", 2: Feature{3: Int64List{1: packed 5, -1}}}}}; -1 is ten bytes, ff x 9 and 01.
    integers = b"\x0a\x0b\x05" + b"\xff" * 9 + b"\x01"
    feature = b"\x1a" + bytes([len(integers)]) + integers
    entry = b"\x0a\x01n\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    example = parse_example(b"\x0a" + bytes([len(features)]) + features)
    assert example.numbers("n").tolist() == [5, -1]
    assert example.numbers("n").dtype == np.int64


def test_numbers_that_are_not_packed_are_read_too():
    # The older form: one field per value.
    feature = b"\x1a\x04\x08\x05\x08\x07"
    floats = b"\x12\x05\x0d" + np.float32(1.5).tobytes()
    entries = b"".join(b"\x0a" + bytes([len(e)]) + e for e in (b"\x0a\x01i\x12\x06" + feature, b"\x0a\x01f\x12\x07" + floats))
    example = parse_example(b"\x0a" + bytes([len(entries)]) + entries)
    assert example.numbers("i").tolist() == [5, 7]
    assert example.numbers("f").tolist() == [1.5]


@given(
    texts=st.lists(st.binary(max_size=300), max_size=3),
    integers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5),
    floats=st.lists(st.floats(width=32, allow_nan=False), max_size=5),
)
def test_what_was_written_is_read(make_example, texts, integers, floats):
    example = parse_example(make_example({"t": texts, "i": np.array(integers, np.int64), "f": np.array(floats, np.float32)}))
    assert example.all_bytes("t") == texts
    assert example.numbers("i").tolist() == integers
    assert example.numbers("f").tolist() == floats


@given(content=st.binary(max_size=60))
def test_any_bytes_give_features_or_a_clear_error(content):
    try:
        features = parse_example(content).features
    except ValueError as error:
        features = str(error)
    assert isinstance(features, dict) or "no tf.train.Example" in features


def test_features_of_another_kind_are_errors(make_example):
    example = parse_example(make_example({"t": [b"a", b"b"], "f": np.ones(2, np.float32)}), where="the record")
    for call in (
        lambda: example.bytes_of("t"),
        lambda: example.numbers("t"),
        lambda: example.all_bytes("f"),
        lambda: example.whole_number("f"),
    ):
        with pytest.raises(ValueError, match="where: the record"):
            call()
    with pytest.raises(ValueError, match=r"no feature 'tt'(?s:.*)did you mean t\?"):
        example.bytes_of("tt")
