"""Distribution-free confidence intervals for paired ratios."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def ratio_interval(ratios: NDArray[np.float64], *, confidence: float) -> tuple[float, float, float]:
    """Estimate the typical ratio of paired measurements.

    Works on logarithms, so that a ratio and its inverse are treated alike.

    Args:
        ratios: positive, one per pair, shape ``(n,)`` with n >= 1.
        confidence: level of the interval, such as 0.95. Below six pairs no 95 % interval exists: the whole range is returned.

    Returns:
        Hodges-Lehmann estimate, lower and upper bound.

    Source:
        Hollander, Wolfe, Chicken, Nonparametric Statistical Methods, 3rd ed., section 3.3: the interval of Walsh averages from the
        Wilcoxon signed-rank statistic, large-sample form (equation 3.32).
    """
    logs = np.log(ratios)
    n = logs.size
    first, second = np.triu_indices(n)
    walsh = np.sort((logs[first] + logs[second]) / 2)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rank = n * (n + 1) / 4 - z * np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    low = max(int(np.floor(rank)), 1) - 1
    return float(np.exp(np.median(walsh))), float(np.exp(walsh[low])), float(np.exp(walsh[walsh.size - 1 - low]))
