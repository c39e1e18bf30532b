"""Smallest and largest value of an array, leaving out and counting what is no ordinary number.

A float32 is compared through its bits. Read as an integer, with the lower 31 bits of negatives flipped, they have the order of the
values with NaN and infinity outside every finite number, and the compiler can vectorize minimum and maximum without being told that NaN
never comes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled
from inc_adaptors.kernels.prefetch import LINE, prefetch

MASK_MAGNITUDE = 1e30
"""Magnitudes beyond this are attention masks and the like: counted, and left out of ranges."""

_LARGEST_KEPT = np.float32(MASK_MAGNITUDE)
_LIMIT = np.int32(_LARGEST_KEPT.view(np.int32))
_INFINITY = np.int32(0x7F800000)
_MAGNITUDE = np.int32(0x7FFFFFFF)
_LARGEST = np.int32(2147483647)
_SMALLEST = np.int32(-2147483648)
_SIGN = np.int32(31)
_PART = 512  # values compared while as many are loaded
_LONG_ROW = 16  # values of one channel in a row from which they are reduced by themselves, not channel beside channel


class Extent(NamedTuple):
    """``minimum`` is +inf and ``maximum`` -inf where no value counts; ``masked`` counts finite magnitudes beyond ``MASK_MAGNITUDE``."""

    minimum: float
    maximum: float
    non_finite: int
    masked: int


def extent(values: NDArray[np.float32]) -> Extent:
    """Range of a contiguous float32 array of any shape."""
    low, high, non_finite, masked = extent_of_bits(values.reshape(-1).view(np.int32))
    return Extent(float(low), float(high), non_finite, masked)


def extent_numpy(values: NDArray[np.float32]) -> Extent:
    """Twin of ``extent``; first as if all were ordinary, which is seen from the result."""
    if values.size and (low := values.min()) >= -_LARGEST_KEPT and (high := values.max()) <= _LARGEST_KEPT:
        return Extent(float(low) + 0.0, float(high) + 0.0, 0, 0)
    non_finite = values.size - int(np.count_nonzero(np.isfinite(values)))
    kept = values[np.abs(values) <= _LARGEST_KEPT]
    masked = values.size - kept.size - non_finite
    if kept.size == 0:
        return Extent(np.inf, -np.inf, non_finite, masked)
    return Extent(float(kept.min()) + 0.0, float(kept.max()) + 0.0, non_finite, masked)


def channel_extent(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.float32], NDArray[np.float32], int, int]:
    """Minimum and maximum per index of ``axis``, shape (C,) each, as in ``Extent``; then how many of all values were left out, likewise."""
    shape = around_axis(values.shape, axis)
    keys = np.empty((2, shape[1]), np.int32)
    bounds = np.empty((2, shape[1]), np.float32)
    non_finite, masked = _channel_extent(values.reshape(shape).view(np.int32), keys, bounds)
    return bounds[0], bounds[1], non_finite, masked


def channel_extent_numpy(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.float32], NDArray[np.float32], int, int]:
    """Twin of ``channel_extent``."""
    others = tuple(i for i in range(values.ndim) if i != range(values.ndim)[axis])
    kept = np.abs(values) <= _LARGEST_KEPT
    non_finite = values.size - int(np.count_nonzero(np.isfinite(values)))
    masked = values.size - int(np.count_nonzero(kept)) - non_finite
    low = np.where(kept, values, np.float32(np.inf)).min(axis=others, initial=np.float32(np.inf))
    high = np.where(kept, values, np.float32(-np.inf)).max(axis=others, initial=np.float32(-np.inf))
    return low + np.float32(0.0), high + np.float32(0.0), non_finite, masked


def around_axis(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """The shape as (everything before, ``axis``, everything after)."""
    axis = range(len(shape))[axis]
    return int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1 :]))


@compiled
def extent_of_bits(bits: NDArray[np.int32]) -> tuple[np.float32, np.float32, int, int]:
    """``Extent`` of a flat array given as its bits, each part of it loaded while the one before is compared."""
    low: Any = _LARGEST
    high: Any = _SMALLEST
    non_finite = 0
    masked = 0
    for start in range(0, bits.size, _PART):
        for i in range(start + _PART, min(start + 2 * _PART, bits.size), LINE):
            prefetch(bits, i)
        part_low, part_high, bad, masks = _key_extent(bits[start : start + _PART])
        low = min(low, part_low)
        high = max(high, part_high)
        non_finite += bad
        masked += masks
    if low > high:
        return np.float32(np.inf), np.float32(-np.inf), non_finite, masked
    return _value(low), _value(high), non_finite, masked


@compiled
def _key_extent(bits: NDArray[np.int32]) -> tuple[np.int32, np.int32, int, int]:
    """Smallest and largest key, non-finite and masked; first as if all were ordinary, which is seen from the result."""
    low: Any = _LARGEST
    high: Any = _SMALLEST
    for i in range(bits.size):
        key = _key(bits[i])
        low = min(low, key)
        high = max(high, key)
    non_finite = 0
    masked = 0
    if high > _LIMIT or low < np.int32(~_LIMIT):
        low = _LARGEST
        high = _SMALLEST
        for i in range(bits.size):
            magnitude = np.int32(bits[i] & _MAGNITUDE)
            if magnitude <= _LIMIT:
                low = min(low, _key(bits[i]))
                high = max(high, _key(bits[i]))
            elif magnitude >= _INFINITY:
                non_finite += 1
            else:
                masked += 1
    return low, high, non_finite, masked


@compiled
def _channel_extent(bits: NDArray[np.int32], keys: NDArray[np.int32], bounds: NDArray[np.float32]) -> tuple[int, int]:
    """``extent_of_bits`` per channel: bits of shape (outer, C, inner); ``keys``, in which it works, and ``bounds`` (2, C)."""
    for channel in range(bits.shape[1]):
        keys[0, channel] = _LARGEST
        keys[1, channel] = _SMALLEST
    non_finite = 0
    masked = 0
    for outer in range(bits.shape[0]):
        if bits.shape[2] >= _LONG_ROW:
            for channel in range(bits.shape[1]):
                low, high, bad, masks = _key_extent(bits[outer, channel])
                keys[0, channel] = min(keys[0, channel], low)
                keys[1, channel] = max(keys[1, channel], high)
                non_finite += bad
                masked += masks
            continue
        for i in range(bits.shape[2]):
            ordinary: Any = 0
            broken: Any = 0
            for channel in range(bits.shape[1]):
                b = bits[outer, channel, i]
                magnitude = np.int32(b & _MAGNITUDE)
                fits = magnitude <= _LIMIT
                keys[0, channel] = min(keys[0, channel], _key(b) if fits else _LARGEST)
                keys[1, channel] = max(keys[1, channel], _key(b) if fits else _SMALLEST)
                ordinary += fits
                broken += magnitude >= _INFINITY
            non_finite += broken
            masked += bits.shape[1] - ordinary - broken
    for channel in range(bits.shape[1]):
        empty = keys[0, channel] > keys[1, channel]
        bounds[0, channel] = np.float32(np.inf) if empty else _value(keys[0, channel])
        bounds[1, channel] = np.float32(-np.inf) if empty else _value(keys[1, channel])
    return non_finite, masked


@compiled
def _key(b: np.int32) -> np.int32:
    """An integer ordered as the float with these bits; an involution."""
    return np.int32(b ^ np.int32(np.int32(b >> _SIGN) & _MAGNITUDE))


@compiled
def _value(key: np.int32) -> np.float32:
    """The float of a key; +0.0 for -0.0 (whose key is -1)."""
    return np.float32(0.0) if key == -1 else np.int32(_key(key)).view(np.float32)
