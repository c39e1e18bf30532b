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
from inc_adaptors.kernels.prefetch import LINE, prefetch

MIN_EXPONENT = -126
"""Narrowest bin: 2^-126, so that the width and its inverse are normal float32; denormals share the two bins around zero."""

_BLOCK = 4096  # values whose range is found and which are then counted while they are in the first-level cache
_CHUNK = 256  # positions computed (vectorized) before they are counted
_AHEAD = 512  # values between counting and prefetching where the data was not read before
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
    _count_on_grid(values.reshape(-1), exponent, counts, _scratch(counts))


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
    flat, scratch = values.reshape(-1), _scratch(counts)
    non_finite = masked = first = 0
    while True:
        grid = _Grid(counts, exponent, minimum, maximum)
        first, minimum, maximum, bad, masks = _stream(flat, flat.view(np.int32), first, grid, scratch)
        non_finite, masked = non_finite + bad, masked + masks
        if first == flat.size:
            return Grown(exponent, minimum, maximum, non_finite, masked)
        grown = grid_exponent(minimum, maximum, counts.size // 2, exponent)
        coarsen(counts, grown - exponent)
        exponent = grown


def update_grid_numpy(values: NDArray[np.float32], counts: NDArray[np.int64], exponent: int, minimum: float, maximum: float) -> Grown:
    """Twin of ``update_grid``."""
    found = extent_numpy(values)
    low, high = min(minimum, found.minimum), max(maximum, found.maximum)
    grown = grid_exponent(low, high, counts.size // 2, exponent)
    coarsen(counts, grown - exponent)
    kept = values[np.abs(values) <= _MASK]
    histogram_numpy(kept, grown, counts)
    return Grown(grown, low, high, found.non_finite, found.masked)


def grid_exponent(minimum: float, maximum: float, bins: int, exponent: int) -> int:
    """Smallest exponent, from ``exponent`` up, at which at most ``bins`` bins reach from ``min(minimum, 0)`` to ``max(maximum, 0)``."""
    while _bins_between(minimum, maximum, 2.0**exponent) > bins:
        exponent += 1
    return exponent


def _bins_between(minimum: float, maximum: float, width: float) -> float:
    """How many bins reach from ``min(minimum, 0)`` to ``max(maximum, 0)``."""
    above: float = np.floor(max(maximum, 0.0) / width) + 1.0
    return above + (np.floor(-minimum / width) + 1.0 if minimum < 0.0 else 0.0)


_bins_between_compiled = compiled(_bins_between)


def coarsen(counts: NDArray[np.int64], times: int) -> None:
    """Double the bin width ``times`` times, in place."""
    bins = counts.size // 2
    for _ in range(times):
        sides = counts[bins:], counts[bins - 1 :: -1]
        if not any(side[1:].any() for side in sides):
            return  # all counts are in the two bins around zero and stay there
        for side in sides:
            side[: bins // 2] = side[::2] + side[1::2]
            side[bins // 2 :] = 0


class _Grid(NamedTuple):
    """A histogram that grows: counts on bins ``2**exponent`` wide, and the range so far."""

    counts: NDArray[np.int64]
    exponent: int
    minimum: float
    maximum: float


class _Scratch(NamedTuple):
    """Counts by position and lane, shape (2 bins + 1, 4), the last position for what lies outside; positions of a chunk; values of a block.

    It is made outside of compiled code, in which allocating takes longer to compile than the loops.
    """

    lanes: NDArray[np.uint32]
    positions: NDArray[np.uint32]
    kept: NDArray[np.float32]


def _scratch(counts: NDArray[np.int64]) -> _Scratch:
    return _Scratch(np.zeros((counts.size + 1, _LANES), np.uint32), np.empty(_CHUNK, np.uint32), np.empty(_BLOCK, np.float32))


@compiled
def _count_on_grid(values: NDArray[np.float32], exponent: int, counts: NDArray[np.int64], scratch: _Scratch) -> None:
    _count(values, (0, values.size), _AHEAD, np.float32(2.0**-exponent), scratch)
    _flush(scratch.lanes, counts)


@compiled
def _stream(
    values: NDArray[np.float32], bits: NDArray[np.int32], first: int, grid: _Grid, scratch: _Scratch
) -> tuple[int, float, float, int, int]:
    """Take in values from ``first`` on, up to a block that does not fit the grid, or to the end.

    Returns:
        Where it stopped; the range, that of the block included; non-finite values and masks before it.
    """
    counts, exponent, minimum, maximum = grid
    bins = counts.size // 2
    width = 2.0**exponent
    inverse_width = np.float32(2.0**-exponent)
    non_finite = 0
    masked = 0
    start = first
    while start < values.size:
        stop = min(start + _BLOCK, values.size)
        low, high, bad, masks = extent_of_bits(bits[start:stop])
        minimum = min(minimum, np.float64(low))
        maximum = max(maximum, np.float64(high))
        if _bins_between_compiled(minimum, maximum, width) > bins:
            break
        source, part = values, (start, stop)
        if bad + masks > 0:
            source, part = scratch.kept, (0, _ordinary(values[start:stop], scratch.kept))
            non_finite += bad
            masked += masks
        _count(source, part, _BLOCK, inverse_width, scratch)
        start = stop
    _flush(scratch.lanes, counts)
    return start, minimum, maximum, non_finite, masked


@compiled
def _ordinary(block: NDArray[np.float32], kept: NDArray[np.float32]) -> int:
    """Copy the finite values that are no masks to the front of ``kept``; returns how many."""
    size = 0
    for i in range(block.size):
        if abs(block[i]) <= _MASK:
            kept[size] = block[i]
            size += 1
    return size


@compiled
def _count(values: NDArray[np.float32], part: tuple[int, int], ahead: int, inverse_width: np.float32, scratch: _Scratch) -> None:
    """Count the values from one position up to another in lanes, while those ``ahead`` of them are loaded."""
    begin, end = part
    lanes, positions = scratch.lanes, scratch.positions
    bins = np.int32((lanes.shape[0] - 1) // 2)
    limit = np.float32(bins)
    outside = np.uint32(lanes.shape[0] - 1)
    for start in range(begin, end, _CHUNK):
        chunk = values[start : min(start + _CHUNK, end)]
        for i in range(start + ahead, min(start + ahead + _CHUNK, values.size), LINE):
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
    """Add what the lanes hold to ``counts`` and empty them."""
    for i in range(counts.size):
        total = np.int64(0)
        for lane in range(_LANES):
            total += np.int64(lanes[i, lane])
            lanes[i, lane] = 0
        counts[i] += total
    for lane in range(_LANES):
        lanes[counts.size, lane] = 0
