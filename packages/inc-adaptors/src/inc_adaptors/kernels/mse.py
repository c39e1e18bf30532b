"""Search for the range that quantizes a histogram with the least squared error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled

_ROUNDS = 2  # sweeps over each end of a range that may be lopsided, with the other end where the last sweep left it


class Bins(NamedTuple):
    """A histogram: bin ``b`` holds ``counts[b]`` values around ``(first + b + 0.5) * width``."""

    counts: NDArray[np.int64]
    first: int
    width: float


class Codes(NamedTuple):
    """What a range is spread over: codes ``[qmin, qmax]``, and the code of real zero, NaN where the range decides it."""

    qmin: float
    qmax: float
    middle: float


def mse_search(bins: Bins, low: float, high: float, codes: Codes, steps: int) -> tuple[float, float]:
    """The best range whose ends are ``j / steps`` of ``low <= 0 <= high``, not both 0.

    Both ends shrink together first; where the code of zero is free, then one after the other, twice. The wider of equals wins.
    """
    return _search(bins, low, high, codes, steps)


def mse_search_numpy(bins: Bins, low: float, high: float, codes: Codes, steps: int) -> tuple[float, float]:
    """Twin of ``mse_search``."""
    fractions = np.arange(steps, 0, -1) / steps
    best = fractions[int(np.argmin([range_error_numpy(bins, low * f, high * f, codes) for f in fractions]))]
    best_low, best_high = low * best, high * best
    for _ in range(_ROUNDS if np.isnan(codes.middle) else 0):
        if high > 0.0:
            candidates = [best_high, *(high * fractions)]
            best_high = candidates[int(np.argmin([range_error_numpy(bins, best_low, end, codes) for end in candidates]))]
        if low < 0.0:
            candidates = [best_low, *(low * fractions)]
            best_low = candidates[int(np.argmin([range_error_numpy(bins, end, best_high, codes) for end in candidates]))]
    return float(best_low), float(best_high)


def range_error_numpy(bins: Bins, low: float, high: float, codes: Codes) -> float:
    """Twin of the squared error that the search minimizes."""
    if np.isnan(codes.middle):
        scale = (high - low) / (codes.qmax - codes.qmin)
        zero = min(max(np.rint(codes.qmin - low / scale), codes.qmin), codes.qmax)
    else:
        scale, zero = max(-low, high) / (codes.qmax - codes.middle), codes.middle
    values = (bins.first + np.arange(bins.counts.size) + 0.5) * bins.width
    errors = values - (np.clip(np.rint(values / scale) + zero, codes.qmin, codes.qmax) - zero) * scale
    return float(np.cumsum(bins.counts * (errors * errors))[-1])  # cumsum adds in order, as the compiled loop does; sum does not


@compiled
def range_error(bins: Bins, low: float, high: float, codes: Codes) -> float:
    """Sum of squared errors of the bins' centres, quantized over ``[low, high]``, which contains zero and more."""
    if np.isnan(codes.middle):
        scale = (high - low) / (codes.qmax - codes.qmin)
        zero = min(max(np.rint(codes.qmin - low / scale), codes.qmin), codes.qmax)
    else:
        scale = max(-low, high) / (codes.qmax - codes.middle)
        zero = codes.middle
    total = 0.0
    for b in range(bins.counts.size):
        value = (bins.first + b + 0.5) * bins.width
        code = min(max(np.rint(value / scale) + zero, codes.qmin), codes.qmax)
        error = value - (code - zero) * scale
        total += bins.counts[b] * (error * error)
    return total


@compiled
def _search(bins: Bins, low: float, high: float, codes: Codes, steps: int) -> tuple[float, float]:
    best = range_error(bins, low, high, codes)
    best_low, best_high = low, high
    for step in range(steps - 1, 0, -1):
        fraction = step / steps
        error = range_error(bins, low * fraction, high * fraction, codes)
        if error < best:
            best, best_low, best_high = error, low * fraction, high * fraction
    for _ in range(_ROUNDS if np.isnan(codes.middle) else 0):
        if high > 0.0:
            for step in range(steps, 0, -1):
                end = high * (step / steps)
                error = range_error(bins, best_low, end, codes)
                if error < best:
                    best, best_high = error, end
        if low < 0.0:
            for step in range(steps, 0, -1):
                end = low * (step / steps)
                error = range_error(bins, end, best_high, codes)
                if error < best:
                    best, best_low = error, end
    return best_low, best_high
