from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data.formats.crc32c import crc32c, masked_crc32c


def bit_by_bit(data):
    """Polynomial division, one bit at a time."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),  # the check value of CRC-32C in every catalogue
        (bytes(32), 0x8A9136AA),  # RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_values(data, expected):
    assert crc32c(data) == expected


@given(data=st.binary(max_size=200), blocks=st.integers(0, 3))
def test_blocks_are_joined_as_if_there_were_none(data, blocks):
    whole = data + np.random.default_rng(len(data)).bytes(1024 * blocks)
    assert crc32c(whole) == bit_by_bit(whole)


def test_more_blocks_than_are_looked_up_at_once():
    data = np.random.default_rng(0).bytes(257 * 1024 + 5)
    assert crc32c(data) == bit_by_bit(data)


def test_the_mask_of_tfrecord_turns_right_by_15_and_adds_its_constant():
    crc = crc32c(b"x")
    assert masked_crc32c(b"x") == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
