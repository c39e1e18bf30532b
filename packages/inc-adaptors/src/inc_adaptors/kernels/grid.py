"""The zero-anchored grid of a growing histogram, and counting on it.

Bin ``i >= 0`` holds ``[i w, (i + 1) w)``, and bin ``-1 - m`` mirrors bin ``m``: it holds ``(-(m + 1) w, -m w]`` without zero. The
width ``w`` is a power of two, so the whole part of ``x / w`` is exact in float32, and doubling the width maps bin ``i`` to ``i >> 1``,
exactly. The exponent of the width is the smallest at which the bins from zero to both ends of the range number at most ``bins``: a
function of the data alone, not of the order in which it came. Counts are held for ``i`` in ``[-bins, bins)``, bin ``i`` at position
``i + bins``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled
from inc_adaptors.kernels.extent import MASK_MAGNITUDE, extent_numpy, extent_of_bits
from inc_adaptors.kernels.prefetch import prefetch

MIN_EXPONENT = -126
"""Narrowest bin: 2^-126, so that the width and its inverse are normal float32; denormals share the two bins around zero."""

_BLOCK = 4096  # values whose range is found and which are then counted while they are in the first-level cache
_CHUNK = 256  # positions computed (vectorized) before they are counted
_AHEAD = 512  # values between counting and prefetching where the data was not read before
_LINE = 16  # values in a cache line
_LANES = 4  # count arrays used in turn: adding to the address just written would wait for it
_MASK = np.float32(MASK_MAGNITUDE)
_ZERO = np.float32(0.0)
_ONE = np.uint32(1)


class Grown(NamedTuple):
    """What taking in values gives beside the counts: the new exponent and range, and how many values were left out."""

    exponent: int
    minimum: float
    maximum: float
    non_finite: int
    masked: int


def histogram(values: NDArray[np.float32], exponent: int, counts: NDArray[np.int64]) -> None:
    """Add contiguous ``values`` to ``counts``, shape (2 bins,), on the grid of width ``2**exponent``; what lies outside is dropped."""
    _count_on_grid(values.reshape(-1), exponent, counts)


def histogram_numpy(values: NDArray[np.float32], exponent: int, counts: NDArray[np.int64]) -> None:
    """Twin of ``histogram``."""
    bins = counts.size // 2
    flat = values.reshape(-1).astype(np.float64)
    inside = flat[np.abs(flat) < bins * 2.0**exponent]
    index = np.trunc(inside / 2.0**exponent).astype(np.int64) - (inside < 0.0) + bins
    counts += np.bincount(index, minlength=counts.size)


def update_grid(values: NDArray[np.float32], counts: NDArray[np.int64], exponent: int, minimum: float, maximum: float) -> Grown:
    """Take contiguous ``values`` into a range and a histogram, whose ``counts``, shape (2 bins,), are coarsened in place as it grows.

    ``minimum`` and ``maximum`` are the range so far, +inf and -inf at the start; non-finite values and masks are counted and left out.
    """
    return Grown(*_stream(values.reshape(-1), counts, exponent, minimum, maximum))


def update_grid_numpy(values: NDArray[np.float32], counts: NDArray[np.int64], exponent: int, minimum: float, maximum: float) -> Grown:
    """Twin of ``update_grid``."""
    found = extent_numpy(values)
    low, high = min(minimum, found.minimum), max(maximum, found.maximum)
    grown = grid_exponent(low, high, counts.size // 2, exponent)
    coarsen(counts, grown - exponent)
    kept = values[np.abs(values) <= _MASK]
    histogram_numpy(kept, grown, counts)
    return Grown(grown, low, high, found.non_finite, found.masked)


@compiled
def grid_exponent(minimum: float, maximum: float, bins: int, exponent: int) -> int:
    """Smallest exponent, from ``exponent`` up, at which at most ``bins`` bins reach from ``min(minimum, 0)`` to ``max(maximum, 0)``."""
    while True:
        width = 2.0**exponent
        above = np.floor(max(maximum, 0.0) / width) + 1.0
        below = np.floor(-minimum / width) + 1.0 if minimum < 0.0 else 0.0
        if above + below <= bins:
            return exponent
        exponent += 1


@compiled
def coarsen(counts: NDArray[np.int64], times: int) -> None:
    """Double the bin width ``times`` times, in place."""
    bins = counts.size // 2
    half = bins // 2
    for _ in range(times):
        if counts[: bins - 1].sum() + counts[bins + 1 :].sum() == 0:
            return  # all counts are in the two bins around zero and stay there
        for i in range(half):
            counts[bins + i] = counts[bins + 2 * i] + counts[bins + 2 * i + 1]
            counts[bins - 1 - i] = counts[bins - 1 - 2 * i] + counts[bins - 2 - 2 * i]
        counts[bins + half :] = 0
        counts[: bins - half] = 0


class _Scratch(NamedTuple):
    """Counts by position and lane, shape (2 bins + 1, 4), the last position for what lies outside; positions of one chunk."""

    lanes: NDArray[np.uint32]
    positions: NDArray[np.uint32]


@compiled
def _count_on_grid(values: NDArray[np.float32], exponent: int, counts: NDArray[np.int64]) -> None:
    scratch = _Scratch(np.zeros((counts.size + 1, _LANES), np.uint32), np.empty(_CHUNK, np.uint32))
    _count(values, values.size, _AHEAD, np.float32(2.0**-exponent), scratch)
    _flush(scratch.lanes, counts)


@compiled
def _stream(
    values: NDArray[np.float32], counts: NDArray[np.int64], exponent: int, minimum: float, maximum: float
) -> tuple[int, float, float, int, int]:
    bins = counts.size // 2
    scratch = _Scratch(np.zeros((counts.size + 1, _LANES), np.uint32), np.empty(_CHUNK, np.uint32))
    kept = np.empty(_BLOCK, np.float32)
    bounds = np.empty(2, np.int32)
    found = bounds.view(np.float32)
    non_finite = 0
    masked = 0
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        bad, masks = extent_of_bits(block.view(np.int32), bounds)
        minimum = min(minimum, np.float64(found[0]))
        maximum = max(maximum, np.float64(found[1]))
        grown = grid_exponent(minimum, maximum, bins, exponent)
        if grown > exponent:
            _flush(scratch.lanes, counts)
            coarsen(counts, grown - exponent)
            exponent = grown
        inverse_width = np.float32(2.0**-exponent)
        if bad + masks == 0:
            _count(values[start:], block.size, _BLOCK, inverse_width, scratch)
        else:
            ordinary = _ordinary(block, kept)
            _count(ordinary, ordinary.size, _BLOCK, inverse_width, scratch)
            non_finite += bad
            masked += masks
    _flush(scratch.lanes, counts)
    return exponent, minimum, maximum, non_finite, masked


@compiled
def _ordinary(block: NDArray[np.float32], kept: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy the finite values that are no masks to ``kept``; returns the part of it that was filled."""
    size = 0
    for value in block:
        if abs(value) <= _MASK:
            kept[size] = value
            size += 1
    return kept[:size]


@compiled
def _count(values: NDArray[np.float32], size: int, ahead: int, inverse_width: np.float32, scratch: _Scratch) -> None:
    """Count the first ``size`` values in lanes, while those ``ahead`` of them are loaded."""
    lanes, positions = scratch
    bins = np.int32((lanes.shape[0] - 1) // 2)
    limit = np.float32(bins)
    outside = np.uint32(lanes.shape[0] - 1)
    for start in range(0, size, _CHUNK):
        chunk = values[start : min(start + _CHUNK, size)]
        for i in range(start + ahead, min(start + ahead + _CHUNK, values.size), _LINE):
            prefetch(values, i)
        for i in range(chunk.size):
            scaled = chunk[i] * inverse_width
            inside = abs(scaled) < limit
            whole = np.int32(scaled if inside else _ZERO)
            positions[i] = np.uint32(whole - np.int32(chunk[i] < _ZERO) + bins) if inside else outside
        even = chunk.size - chunk.size % _LANES
        for i in range(0, even, _LANES):
            lanes[positions[i], 0] += _ONE
            lanes[positions[i + 1], 1] += _ONE
            lanes[positions[i + 2], 2] += _ONE
            lanes[positions[i + 3], 3] += _ONE
        for i in range(even, chunk.size):
            lanes[positions[i], 0] += _ONE


@compiled
def _flush(lanes: NDArray[np.uint32], counts: NDArray[np.int64]) -> None:
    for i in range(counts.size):
        counts[i] += np.int64(lanes[i, 0]) + np.int64(lanes[i, 1]) + np.int64(lanes[i, 2]) + np.int64(lanes[i, 3])
    lanes[:] = 0
