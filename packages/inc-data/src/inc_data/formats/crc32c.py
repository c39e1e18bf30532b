"""CRC-32C (Castagnoli) over numpy: the checksum of TFRecord files.

A CRC is linear over GF(2): the checksum of a block is the XOR of what each byte contributes at its distance from the block's end.
Contributions are looked up for a whole array at once, and blocks are joined by shifting the state over one block (four look-ups).

Source:
    Polynomial and check value: RFC 3720, appendix B.4; the mask: TensorFlow's record format.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41, bits reversed
_BLOCK = 1024
_BLOCKS_AT_ONCE = 256
_MASK_DELTA = 0xA282EAD8
_ALL = 0xFFFFFFFF

Words = NDArray[np.uint32]


def crc32c(data: bytes | memoryview) -> int:
    """Return the CRC-32C of ``data``."""
    state = _ALL
    whole = len(data) - len(data) % _BLOCK
    table, shift = _tables()
    codes = np.frombuffer(data, np.uint8)
    positions = np.arange(_BLOCK)
    for start in range(0, whole, _BLOCK * _BLOCKS_AT_ONCE):
        blocks = codes[start : min(start + _BLOCK * _BLOCKS_AT_ONCE, whole)].reshape(-1, _BLOCK)
        for contribution in np.bitwise_xor.reduce(table[positions, blocks], axis=1).tolist():
            state = shift[0][state & 255] ^ shift[1][state >> 8 & 255] ^ shift[2][state >> 16 & 255] ^ shift[3][state >> 24] ^ contribution
    byte = _byte_table()
    for code in bytes(data[whole:]):
        state = byte[(state ^ code) & 255] ^ state >> 8
    return state ^ _ALL


def masked_crc32c(data: bytes | memoryview) -> int:
    """Return the checksum as a TFRecord stores it: rotated by 15 bits, plus a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ALL


@lru_cache(maxsize=1)
def _byte_table() -> list[int]:
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
        table.append(state)
    return table


@lru_cache(maxsize=1)
def _tables() -> tuple[Words, list[list[int]]]:
    """What a byte contributes at each place of a block, and what a state byte becomes behind one block."""
    byte = np.array(_byte_table(), np.uint32)
    table = np.empty((_BLOCK + 3, 256), np.uint32)
    table[0] = byte
    for distance in range(1, _BLOCK + 3):
        table[distance] = byte[table[distance - 1] & 255] ^ table[distance - 1] >> 8
    # The state's four bytes are XORed into the first four bytes of the block: the lowest is farthest from the end.
    shift = [table[_BLOCK - 1 - place].tolist() for place in range(4)]
    return np.ascontiguousarray(table[:_BLOCK][::-1]), shift
