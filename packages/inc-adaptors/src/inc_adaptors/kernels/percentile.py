"""Where a fraction of a histogram's counts is reached."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inc_adaptors.kernels.compiled import compiled


@compiled
def percentile_position(counts: NDArray[np.int64], fraction: float) -> float:
    """Position, in bins from the left edge, up to which ``fraction`` of the counts lie; linear within a bin, 0.0 for an empty histogram."""
    total = 0
    for count in counts:
        total += count
    wanted = fraction * total
    seen = 0
    last = 0.0
    for i in range(counts.size):
        if counts[i] > 0:
            if seen + counts[i] >= wanted:
                return float(i + (wanted - seen) / counts[i])
            seen += counts[i]
            last = i + 1.0
    return last


def percentile_position_numpy(counts: NDArray[np.int64], fraction: float) -> float:
    """Twin of ``percentile_position``."""
    total = int(counts.sum())
    if total == 0:
        return 0.0
    wanted = fraction * total
    filled = np.flatnonzero(counts)
    reached = np.cumsum(counts[filled])
    found = int(np.searchsorted(reached, wanted))
    if found == filled.size:
        return float(filled[-1] + 1)
    i = filled[found]
    return float(i + (wanted - (reached[found] - counts[i])) / counts[i])
