"""Search for the clipping window whose coarse copy loses the least information about a histogram.

The histogram is symmetric: real zero is the left edge of bin ``n / 2``. Window ``i`` reaches ``i`` bins to the left of zero and
``i + 1`` to the right, as far as there are bins; candidates are the windows of at least ``levels`` bins. The reference
distribution p is the window with all counts outside it added to its end bins. Its coarse copy q merges ``size // levels``
neighbouring bins at a time, without what lies outside (the last level takes the remainder), and gives each of a level's bins the
level's count divided by how many of them are filled in p, in whole counts. Both are smoothed (an empty bin gets ``EPSILON``, which the
filled ones give up evenly), normalized, and compared by their Kullback-Leibler divergence. These are the rules of onnxruntime's entropy
calibration: on one histogram both choose the same window, unless two windows' divergences differ by less than the rounding of its sums,
which are float32 (some 1e-7 nats: windows that grow over empty bins).

Bin by bin this takes the square of the histogram's size. But q is constant within a level, and p differs from the histogram at two bins
only: with prefix sums every sum over a level takes constant time.

Source:
    Migacz, 8-bit inference with TensorRT, GTC 2017, gives the idea; the remainder and the smoothing are onnxruntime's.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled

EPSILON = 1e-4
"""Count given to an empty bin."""

_LOG_EPSILON = math.log(EPSILON)
_SMALL = 0.01  # up to here the series of (p - e) log(p - e) around e = 0 may end after e^5: the next term is at most e^6 / 30
_TERMS = 5


class _Sums(NamedTuple):
    """Prefix sums over the bins: counts, filled bins, and the series coefficients of their entropy terms; position b is before bin b.

    ``heights`` has room for what q gives to each bin of each level of the window at hand.
    """

    counts: NDArray[np.int64]
    filled: NDArray[np.int64]
    series: NDArray[np.float64]
    heights: NDArray[np.int64]


class _Window(NamedTuple):
    """Bins ``start`` to ``stop``, the counts outside to each side, whether these fill an end bin that is empty itself, bins per level."""

    start: int
    stop: int
    left: int
    right: int
    fills_first: int
    fills_last: int
    merged: int
    levels: int


def kl_search(counts: NDArray[np.int64], levels: int) -> int:
    """The best window's ``i`` (the smallest of equals), or -1 where no window has ``levels`` bins.

    Args:
        counts: symmetric histogram of even length, not all zero.
        levels: number of levels of the coarse copy.
    """
    divergences = kl_divergences(counts, levels)
    return levels // 2 + int(np.argmin(divergences)) if divergences.size else -1


def kl_divergences(counts: NDArray[np.int64], levels: int) -> NDArray[np.float64]:
    """Divergence of the windows from ``i = levels // 2`` on, in nats; inf where a window holds nothing to compare."""
    divergences = np.empty(max(counts.size // 2 + 1 - levels // 2, 0))
    prefixes = np.zeros((2, counts.size + 1), np.int64)
    sums = _Sums(prefixes[0], prefixes[1], np.zeros((counts.size + 1, _TERMS + 1)), np.empty(levels, np.int64))
    _divergences(np.ascontiguousarray(counts, np.int64), levels, sums, divergences)
    return divergences


def kl_divergences_numpy(counts: NDArray[np.int64], levels: int) -> NDArray[np.float64]:
    """Twin of ``kl_divergences``, bin by bin (equal but for the order of summation)."""
    zero = counts.size // 2
    windows = ((zero - i, min(zero + i + 1, counts.size)) for i in range(levels // 2, zero + 1))
    return np.array([_divergence_numpy(counts, start, stop, levels) for start, stop in windows])


def _divergence_numpy(counts: NDArray[np.int64], start: int, stop: int, levels: int) -> float:
    window = counts[start:stop]
    p = window.copy()
    p[0] += counts[:start].sum()
    p[-1] += counts[stop:].sum()
    merged = window.size // levels
    covered = merged * levels
    level_counts = window[:covered].reshape(levels, merged).sum(axis=1)
    level_counts[-1] += window[covered:].sum()
    filled = np.count_nonzero(p[:covered].reshape(levels, merged), axis=1)
    q = np.zeros(window.size, np.int64)
    q[:covered] = np.repeat(np.where(filled > 0, level_counts // np.maximum(filled, 1), 0), merged)
    smooth_p, smooth_q = _smooth_numpy(p), _smooth_numpy(q)
    if smooth_p is None or smooth_q is None:
        return math.inf
    smooth_p, smooth_q = smooth_p / smooth_p.sum(), smooth_q / smooth_q.sum()
    return float((smooth_p * np.log(smooth_p / smooth_q)).sum())


def _smooth_numpy(counts: NDArray[np.int64]) -> NDArray[np.float64] | None:
    filled = np.count_nonzero(counts)
    taken = EPSILON * (counts.size - filled) / filled if filled else 1.0
    return np.where(counts > 0, counts - taken, EPSILON) if taken < 1.0 else None


@compiled
def _divergences(counts: NDArray[np.int64], levels: int, sums: _Sums, divergences: NDArray[np.float64]) -> None:
    size = counts.size
    zero = size // 2
    for b in range(size):
        sums.counts[b + 1] = sums.counts[b] + counts[b]
        sums.filled[b + 1] = sums.filled[b] + (counts[b] > 0)
        for k in range(_TERMS + 1):  # a slice would be compiled with the text of the error for unequal shapes: 2 s
            sums.series[b + 1, k] = sums.series[b, k]
        if counts[b] > 0:
            _add_series(np.float64(counts[b]), sums.series, b + 1)
    for candidate in range(divergences.size):
        start = zero - levels // 2 - candidate
        stop = min(zero + levels // 2 + candidate + 1, size)
        left = sums.counts[start]
        right = sums.counts[size] - sums.counts[stop]
        fills_first = 1 if counts[start] == 0 and left > 0 else 0
        fills_last = 1 if counts[stop - 1] == 0 and right > 0 else 0
        window = _Window(start, stop, left, right, fills_first, fills_last, (stop - start) // levels, levels)
        divergences[candidate] = _divergence(counts, window, sums)


@compiled
def _add_series(count: float, series: NDArray[np.float64], position: int) -> None:
    """Add the coefficients of e^0, e^1, ... in (count - e) log(count - e) to those at ``position``."""
    log = math.log(count)
    series[position, 0] += count * log
    series[position, 1] -= 1.0 + log
    power = 1.0
    for k in range(2, _TERMS + 1):
        power /= count
        series[position, k] += power / (k * (k - 1))


@compiled
def _divergence(counts: NDArray[np.int64], window: _Window, sums: _Sums) -> float:
    size = window.stop - window.start
    total = sums.counts[counts.size]
    filled_p = sums.filled[window.stop] - sums.filled[window.start] + window.fills_first + window.fills_last
    filled_q = 0
    sum_q = 0
    for level in range(window.levels):
        sums.heights[level] = _height(level, window, sums)
        filled_q += window.merged if sums.heights[level] > 0 else 0
        sum_q += sums.heights[level] * window.merged
    if filled_q == 0:
        return math.inf
    taken_p = EPSILON * (size - filled_p) / filled_p
    taken_q = EPSILON * (size - filled_q) / filled_q
    if taken_p >= 1.0 or taken_q >= 1.0:
        return math.inf
    own = _sum_p_log_p(counts, window, sums, taken_p) + (size - filled_p) * EPSILON * _LOG_EPSILON
    divergence: float = (own - _sum_p_log_q(window, sums, taken_p, taken_q)) / total + math.log(sum_q / total)
    return divergence


@compiled
def _sum_p_log_p(counts: NDArray[np.int64], window: _Window, sums: _Sums, taken: float) -> float:
    """Over the filled bins of p."""
    start, stop = window.start, window.stop
    found: float = _entropy_term(counts[start] + window.left, taken) + _entropy_term(counts[stop - 1] + window.right, taken)
    if taken <= _SMALL:
        power = 1.0
        for k in range(_TERMS + 1):
            found += power * (sums.series[stop - 1, k] - sums.series[start + 1, k])
            power *= taken
        return found
    for b in range(start + 1, stop - 1):
        found += _entropy_term(counts[b], taken)
    return found


@compiled
def _sum_p_log_q(window: _Window, sums: _Sums, taken_p: float, taken_q: float) -> float:
    """Level by level, the remainder (where q is empty) as one level more."""
    found = 0.0
    for level in range(window.levels + 1):
        begin = window.start + level * window.merged
        end = window.stop if level == window.levels else begin + window.merged
        if begin == end:
            continue
        inside = sums.counts[end] - sums.counts[begin]
        filled = sums.filled[end] - sums.filled[begin]
        if level == 0:
            inside += window.left
            filled += window.fills_first
        if end == window.stop:
            inside += window.right
            filled += window.fills_last
        mass = inside - taken_p * filled + EPSILON * (end - begin - filled)
        height = 0 if level == window.levels else sums.heights[level]
        found += mass * (math.log(height - taken_q) if height > 0 else _LOG_EPSILON)
    return found


@compiled
def _height(level: int, window: _Window, sums: _Sums) -> int:
    """Count that q gives to each bin of a level."""
    begin = window.start + level * window.merged
    end = begin + window.merged
    count = sums.counts[window.stop if level == window.levels - 1 else end] - sums.counts[begin]
    filled = sums.filled[end] - sums.filled[begin]
    if level == 0:
        filled += window.fills_first
    if end == window.stop:
        filled += window.fills_last
    return int(count // filled) if filled > 0 else 0


@compiled
def _entropy_term(count: int, taken: float) -> float:
    return (count - taken) * math.log(count - taken) if count > 0 else 0.0
