"""Two models that are each right or wrong on the same samples."""

from __future__ import annotations

import math
from statistics import NormalDist


def mcnemar_p_value(*, lost: int, won: int) -> float:
    """Return the exact two-sided p-value of no difference: chance splits the samples on which the models differ evenly.

    Args:
        lost: samples that only the first model gets right.
        won: samples that only the second model gets right.

    Source:
        McNemar, Psychometrika 12, 1947, in its exact binomial form.
    """
    differing, fewer = lost + won, min(lost, won)
    log_term = math.lgamma(differing + 1) - math.lgamma(fewer + 1) - math.lgamma(differing - fewer + 1) - differing * math.log(2.0)
    term = tail = math.exp(log_term)
    for count in range(fewer, 0, -1):
        term *= count / (differing - count + 1)
        tail += term
        if term < tail * 1e-17:
            break
    return min(1.0, 2.0 * tail)


def mcnemar_interval(*, lost: int, won: int, samples: int, confidence: float) -> tuple[float, float]:
    """Return an interval for the second model's fraction of right samples minus the first's; it has a width even where they never differ.

    Args:
        lost: samples that only the first model gets right.
        won: samples that only the second model gets right.
        samples: all samples, at least 1.
        confidence: of the interval.

    Source:
        Agresti and Min, Statistics in Medicine 24, 2005, doi:10.1002/sim.1781: Wald's after adding 1/2 to each of the four cells.
    """
    first, second, total = lost + 0.5, won + 0.5, samples + 2.0
    middle = (second - first) / total
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    half = z * math.sqrt((first + second) - (second - first) ** 2 / total) / total
    return max(-1.0, middle - half), min(1.0, middle + half)
