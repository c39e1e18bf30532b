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
_ROUNDING = 1e-9  # of the population's mean: what adding up its values in float64 may amount to
_HALVINGS = 30


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
        means, left = self._means(values)
        possible = means > 0.0  # otherwise the rest of the set cannot be low enough any more
        ratios = np.divide(values, means, out=np.ones_like(values), where=possible)
        gains = np.log1p(np.multiply.outer(STAKES, ratios - 1.0))
        slack = _ROUNDING * (self._population or 0)
        gains[:, ~possible & (values - np.minimum(means, 0.0) * left > slack)] = math.inf
        paths = self._logs[:, np.newaxis] + np.cumsum(gains, axis=1)
        self._logs = paths[:, -1]
        self._seen += len(values)
        self._sum += float(values.sum())
        return np.asarray(np.logaddexp.reduce(paths, axis=0) - math.log(len(STAKES)))

    def _means(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what the rest must average before each observation for the mean to be ``bound``, and how many the rest are."""
        if self._population is None:
            return np.full(len(values), self._bound), np.ones(len(values))
        before = self._sum + np.cumsum(values) - values
        left = (self._population - self._seen - np.arange(len(values))).astype(np.float64)
        return np.asarray((self._population * self._bound - before) / left), left


def lower_bound(values: NDArray[np.float64], *, log_limit: float, population: int | None) -> float:
    """Return the largest mean in [0, 1] that betting has refuted, 0 where none; means below it are refuted too.

    The capital against a mean falls as the mean rises, so that halving finds the border. It is rounded down by at most 2^-30. As in
    :class:`Wealth`, the mean of the observations is below it at any time with a probability of at most ``exp(-log_limit)``.

    Args:
        values: observations in the order of arrival, shape ``(T,)``, all in [0, 1].
        log_limit: logarithm of the capital that refutes.
        population: see :class:`Wealth`.
    """
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if _refuted(middle, values, log_limit=log_limit, population=population):
            low = middle
        else:
            high = middle
    return low


def _refuted(mean: float, values: NDArray[np.float64], *, log_limit: float, population: int | None) -> bool:
    wealth = Wealth(mean, population=population)
    return any(bool((wealth.bet(values[start : start + _CHUNK]) >= log_limit).any()) for start in range(0, len(values), _CHUNK))
