"""Evidence about a bounded mean that may be looked at after every observation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Shares of the capital put at stake, an even mixture: whatever the effect's size, one of them is within a factor of sqrt(2) of the
# best. The smallest suits effects that take some 100,000 samples to see; 1 would risk everything on one observation.
STAKES: NDArray[np.float64] = np.ldexp(0.9, -np.arange(8))
_CHUNK = 1 << 14


class Wealth:
    """Capital won by betting that the mean of observations in [0, 1] exceeds ``bound``.

    If the mean is at most ``bound``, no betting wins: the probability that the capital ever reaches ``1 / rate`` is at most
    ``rate``, however long one looks and whenever one stops (Ville's inequality).

    Each stake ``f`` bets the share ``f / m`` on every observation: its capital is the product of ``1 + (f / m) (y - m)``. Evenly mixed,
    the stakes are a capital process again, and need no tuning.

    Args:
        bound: strictly between 0 and 1.
        population: the observations come without replacement from a set of this size, and its mean is meant; None for
            independent draws. ``m`` is then what the set's rest must average for the mean to be ``bound``.

    Source:
        Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024, arXiv:2010.09686:
        the capital process of section 4, the mixture of constant bets of its appendix on betting strategies (diversified Kelly),
        and for ``population`` section 5.
    """

    def __init__(self, bound: float, *, population: int | None = None) -> None:
        self._bound = bound
        self._population = population
        self._seen = 0
        self._sum = 0.0
        self._logs = np.zeros(len(STAKES))

    def bet(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of the capital after each of the observations, shape ``(T,)``, all in [0, 1]."""
        return np.concatenate([self._bet(values[start : start + _CHUNK]) for start in range(0, len(values), _CHUNK)])

    def _bet(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        means = self._means(values)
        possible = means > 0.0  # otherwise the rest of the set cannot be low enough any more
        ratios = np.divide(values, means, out=np.ones_like(values), where=possible)
        gains = np.log1p(np.multiply.outer(STAKES, ratios - 1.0))
        gains[:, ~possible & ((means < 0.0) | (values > 0.0))] = math.inf
        paths = self._logs[:, np.newaxis] + np.cumsum(gains, axis=1)
        self._logs = paths[:, -1]
        self._seen += len(values)
        self._sum += float(values.sum())
        return np.asarray(np.logaddexp.reduce(paths, axis=0) - math.log(len(STAKES)))

    def _means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._population is None:
            return np.full(len(values), self._bound)
        before = self._sum + np.cumsum(values) - values
        left = self._population - self._seen - np.arange(len(values))
        return np.asarray((self._population * self._bound - before) / left)
