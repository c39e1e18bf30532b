"""What is lost when pairs of uint8 x int8 products are added in 16 bits.

Processors without VNNI multiply bytes with one instruction (``vpmaddubsw``) that adds two neighbouring products into an int16 and clips.
255 * 127 fits, twice that does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled

_LOW, _HIGH = -(1 << 15), (1 << 15) - 1
_HARMLESS = 256  # a pair of codes up to this sum cannot leave 16 bits: 256 * -128 is the smallest int16


def pair_overflow(codes: NDArray[np.uint8], weights: NDArray[np.int8]) -> tuple[NDArray[np.int32], int]:
    """How far ``codes @ weights`` with clipped pairs is from the exact product.

    Args:
        codes: shape (M, K), K even: neighbours 2k and 2k + 1 are a pair.
        weights: shape (K, N).

    Returns:
        Clipped minus exact, shape (M, N), and the number of pairs that were clipped.
    """
    lost = np.zeros((codes.shape[0], weights.shape[1]), np.int32)
    return lost, int(_pair_overflow(np.ascontiguousarray(codes), np.ascontiguousarray(weights), lost))


def pair_overflow_numpy(codes: NDArray[np.uint8], weights: NDArray[np.int8]) -> tuple[NDArray[np.int32], int]:
    """Twin of ``pair_overflow``."""
    wide, narrow = codes.astype(np.int32), weights.astype(np.int32)
    exact = wide[:, 0::2, None] * narrow[None, 0::2] + wide[:, 1::2, None] * narrow[None, 1::2]
    clipped = np.clip(exact, _LOW, _HIGH)
    return (clipped - exact).sum(axis=1, dtype=np.int32), int(np.count_nonzero(clipped != exact))


@compiled
def _pair_overflow(codes: NDArray[np.uint8], weights: NDArray[np.int8], lost: NDArray[np.int32]) -> int:
    count = 0
    for row in range(codes.shape[0]):
        for first in range(0, codes.shape[1], 2):
            a, b = np.int32(codes[row, first]), np.int32(codes[row, first + 1])
            if a + b <= _HARMLESS:
                continue
            for column in range(weights.shape[1]):
                exact = a * np.int32(weights[first, column]) + b * np.int32(weights[first + 1, column])
                clipped = min(max(exact, np.int32(_LOW)), np.int32(_HIGH))
                lost[row, column] += clipped - exact
                count += clipped != exact
    return count
