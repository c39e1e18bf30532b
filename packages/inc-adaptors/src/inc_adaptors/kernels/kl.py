"""Search for the clipping window whose coarse copy loses the least information about a histogram.

A window reaches ``i`` bins to the left and ``i + 1`` to the right of real zero, cut at the ends of the histogram; candidates are all that have at least
``levels`` bins. The reference distribution p is the window with everything outside added to its end bins. Its coarse copy q merges ``size // levels``
neighbouring bins at a time, without what lies outside, and spreads each level's count over the level's bins in whole counts: the count divided by how
many of these bins are filled in p. Both are smoothed (empty bins get ``EPSILON``, filled ones give the same amount up, evenly), normalized and compared.
These are the rules of onnxruntime's entropy calibration, which is the same for the symmetric histograms it makes.

Done bin by bin this takes the square of the histogram's size. Here q is constant within a level and p differs from the histogram at two bins only,
so that prefix sums give every sum over a level in constant time.

Source:
    Migacz, 8-bit inference with TensorRT, GTC 2017; smoothing as in Han and Kamber's note on Kullback-Leibler divergence.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled

EPSILON = 1e-4
"""Count given to an empty bin."""

_SMALL = 0.01  # up to here the series of (p - e) log(p - e) around e = 0 is cut after e^5: its next term is e^6 / 30 per bin
_TERMS = 5


def kl_search(counts: NDArray[np.int64], zero: int, levels: int) -> int:
    """The best window's ``i`` (the smallest of equals), or -1 where no window has ``levels`` bins.

    Args:
        counts: histogram, shape (n,), not all zero.
        zero: the bin that starts at real zero, in ``[0, n]``.
        levels: number of levels of the coarse copy.
    """
    first, divergences = kl_divergences(counts, zero, levels)
    return first + int(np.argmin(divergences)) if divergences.size else -1


def kl_divergences(counts: NDArray[np.int64], zero: int, levels: int) -> tuple[int, NDArray[np.float64]]:
    """The first candidate's ``i`` and the divergence of every candidate from it on, in nats (inf where a window holds nothing to compare)."""
    first = _first_candidate(counts.size, zero, levels)
    last = max(zero, counts.size - zero - 1)
    divergences = np.empty(max(last + 1 - first, 0))
    _divergences(np.ascontiguousarray(counts, np.int64), zero, levels, first, divergences)
    return first, divergences


def kl_divergences_numpy(counts: NDArray[np.int64], zero: int, levels: int) -> tuple[int, NDArray[np.float64]]:
    """Twin of ``kl_divergences``, bin by bin as the rules say (equal but for the order of summation)."""
    first = _first_candidate(counts.size, zero, levels)
    windows = ((max(zero - i, 0), min(zero + i + 1, counts.size)) for i in range(first, max(zero, counts.size - zero - 1) + 1))
    return first, np.array([_divergence_numpy(counts, start, stop, levels) for start, stop in windows])


def _first_candidate(size: int, zero: int, levels: int) -> int:
    for i in range(size + 1):
        if min(zero + i + 1, size) - max(zero - i, 0) >= levels:
            return i
    return size + 1


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
    spread = np.where(filled > 0, level_counts // np.maximum(filled, 1), 0)
    q = np.zeros(window.size, np.int64)
    q[:covered] = np.repeat(spread, merged)
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
def _divergences(counts: NDArray[np.int64], zero: int, levels: int, first: int, divergences: NDArray[np.float64]) -> None:
    size = counts.size
    sums = np.zeros(size + 1, np.int64)
    filled = np.zeros(size + 1, np.int64)
    series = np.zeros((size + 1, _TERMS + 1))
    for b in range(size):
        sums[b + 1] = sums[b] + counts[b]
        filled[b + 1] = filled[b] + (counts[b] > 0)
        series[b + 1] = series[b]
        if counts[b] > 0:
            _add_series(np.float64(counts[b]), series[b + 1])
    for candidate in range(divergences.size):
        i = first + candidate
        divergences[candidate] = _divergence(counts, max(zero - i, 0), min(zero + i + 1, size), levels, sums, filled, series)


@compiled
def _add_series(count: float, terms: NDArray[np.float64]) -> None:
    """Add the coefficients of e^0, e^1, ... in (count - e) log(count - e)."""
    log = math.log(count)
    terms[0] += count * log
    terms[1] -= 1.0 + log
    power = 1.0
    for k in range(2, _TERMS + 1):
        power /= count
        terms[k] += power / (k * (k - 1))


@compiled
def _divergence(counts: NDArray[np.int64], start: int, stop: int, levels: int, sums: Any, filled: Any, series: Any) -> float:
    size = stop - start
    total = sums[counts.size]
    left, right = sums[start], total - sums[stop]  # added to the first and the last bin of p
    first, last = counts[start] + left, counts[stop - 1] + right
    new_left, new_right = np.int64(counts[start] == 0 and left > 0), np.int64(counts[stop - 1] == 0 and right > 0)
    filled_p = filled[stop] - filled[start] + new_left + new_right
    taken_p = EPSILON * (size - filled_p) / filled_p
    merged = size // levels
    tail = start + merged * levels

    filled_levels = 0
    sum_q = 0
    for level in range(levels):
        spread = _spread(level, levels, start, merged, stop, new_left, new_right, sums, filled)
        filled_levels += spread > 0
        sum_q += spread * merged
    if filled_levels == 0:
        return np.inf
    taken_q = EPSILON * (size - filled_levels * merged) / (filled_levels * merged)
    if taken_p >= 1.0 or taken_q >= 1.0:
        return np.inf

    cross = 0.0  # sum of p log q
    log_epsilon = math.log(EPSILON)
    for level in range(levels + 1):
        begin = start + level * merged
        end = stop if level == levels else begin + merged
        inside = sums[end] - sums[begin]
        number = filled[end] - filled[begin]
        if begin == start:
            inside += left
            number += new_left
        if end == stop and begin < end:
            inside += right
            number += new_right
        mass = inside - taken_p * number + EPSILON * (end - begin - number)
        spread = 0 if level == levels else _spread(level, levels, start, merged, stop, new_left, new_right, sums, filled)
        cross += mass * (math.log(spread - taken_q) if spread > 0 else log_epsilon)

    own = (size - filled_p) * EPSILON * log_epsilon + _entropy_term(first, taken_p) + _entropy_term(last, taken_p)  # sum of p log p
    if taken_p <= _SMALL:
        power = 1.0
        for k in range(_TERMS + 1):
            own += power * (series[stop - 1, k] - series[start + 1, k])
            power *= taken_p
    else:
        for b in range(start + 1, stop - 1):
            own += _entropy_term(counts[b], taken_p)
    return (own - cross) / total + math.log(sum_q / total)


@compiled
def _spread(level: int, levels: int, start: int, merged: int, stop: int, new_left: int, new_right: int, sums: Any, filled: Any) -> int:
    """Count that one level of q gives to each of its bins."""
    begin = start + level * merged
    end = begin + merged
    count = sums[stop if level == levels - 1 else end] - sums[begin]
    number = filled[end] - filled[begin] + (new_left if level == 0 else 0) + (new_right if end == stop else 0)
    return count // number if number > 0 else 0


@compiled
def _entropy_term(count: int, taken: float) -> float:
    return (count - taken) * math.log(count - taken) if count > 0 else 0.0
