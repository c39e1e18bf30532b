"""Search for the range that quantizes a histogram with the least mean squared error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled

_ROUNDS = 2  # sweeps over both ends of an asymmetric range, each with the other end where the last sweep left it

FREE = -1000.0
"""Stands for a code of real zero that the range decides."""


class Codes(NamedTuple):
    """What a range is spread over: codes ``[qmin, qmax]``; ``middle`` is the code of real zero, or ``FREE`` where the range decides it."""

    qmin: float
    qmax: float
    middle: float


@compiled
def grid_error(counts: NDArray[np.int64], first: int, width: float, low: float, high: float, codes: Codes) -> float:
    """Sum of squared errors when each bin's centre is quantized over ``[low, high]``, which contains zero and more than zero.

    ``first`` is the grid index of ``counts[0]``.
    """
    qmin, qmax, middle = codes
    if middle == FREE:
        scale = (high - low) / (qmax - qmin)
        zero = min(max(np.rint(qmin - low / scale), qmin), qmax)
    else:
        scale = max(-low, high) / (qmax - middle)
        zero = middle
    total = 0.0
    for i in range(counts.size):
        value = (first + i + 0.5) * width
        code = min(max(np.rint(value / scale) + zero, qmin), qmax)
        error = value - (code - zero) * scale
        total += counts[i] * (error * error)
    return total


@compiled
def mse_search(
    counts: NDArray[np.int64], first: int, width: float, low: float, high: float, codes: Codes, steps: int
) -> tuple[float, float]:
    """Best range among ``steps`` even fractions of ``low <= 0 <= high``: both ends together for symmetric codes, otherwise one after the other."""
    best = grid_error(counts, first, width, low, high, codes)
    best_low, best_high = low, high
    if codes[2] != FREE:
        for step in range(steps - 1, 0, -1):
            error = grid_error(counts, first, width, low * step / steps, high * step / steps, codes)
            if error < best:
                best, best_low, best_high = error, low * step / steps, high * step / steps
        return best_low, best_high
    for _ in range(_ROUNDS):
        for step in range(steps, 0, -1):
            if high > 0.0:
                error = grid_error(counts, first, width, best_low, high * step / steps, codes)
                if error < best:
                    best, best_high = error, high * step / steps
        for step in range(steps, 0, -1):
            if low < 0.0:
                error = grid_error(counts, first, width, low * step / steps, best_high, codes)
                if error < best:
                    best, best_low = error, low * step / steps
    return best_low, best_high
