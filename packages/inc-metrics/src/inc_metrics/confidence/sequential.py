"""Whether a candidate keeps a criterion, said as soon as it is certain enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import finite_float64, shapes_differ
from inc_metrics.confidence.betting import Wealth, lower_bound
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import flag, real_number, whole_number
from inc_metrics.state import no_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-9  # of the range of a value: how far a mean computed in float32 may stray beyond its bounds


class Verdict(StrEnum):
    """What is known about a criterion so far."""

    WITHIN = "within"
    OUTSIDE = "outside"
    NOT_YET = "not yet"


class Sequential:
    """Compares two models on the same samples, one after the other, and says when the comparison is decided.

    The criterion is about means: the candidate's may be worse than the baseline's by ``absolute``, or by the fraction ``relative`` of
    it. A candidate outside is found within with a probability of at most ``error_rate``, one within is found outside with at most
    ``rejection_error_rate``, no matter how often one looks and when one stops. The first verdict stands.

    Samples must come in random order: independent draws, or with ``population`` draws without replacement.

    Args:
        absolute: allowed loss of the mean, in its unit; give this or ``relative``.
        relative: allowed loss as a fraction of the baseline's mean.
        error_rate: probability of accepting a candidate that is outside.
        rejection_error_rate: probability of rejecting one that is within; None means ``error_rate``.
        bounds: smallest and largest value that a sample can have; (0, 1) suits accuracy, (0, 100) the F1 of SQuAD.
        higher_is_better: direction of the values.
        population: number of samples in the whole data set, when its own mean is meant rather than that of what it was drawn
            from: decides sooner, and certainly at the end.

    Source:
        Waudby-Smith and Ramdas, arXiv:2010.09686; see :class:`inc_metrics.confidence.betting.Wealth`.
    """

    def __init__(
        self,
        *,
        absolute: float | None = None,
        relative: float | None = None,
        error_rate: float = 0.05,
        rejection_error_rate: float | None = None,
        bounds: tuple[float, float] = (0.0, 1.0),
        higher_is_better: bool = True,
        population: int | None = None,
    ) -> None:
        allowed, kept = _criterion(absolute, relative, higher_is_better)
        self._bounds = _checked_bounds(bounds)
        self._sign = 1.0 if flag(higher_is_better, where="Sequential(higher_is_better)") else -1.0
        self._kept, self._allowed = kept, allowed
        rates = {"error_rate": error_rate, "rejection_error_rate": error_rate if rejection_error_rate is None else rejection_error_rate}
        self._limits = tuple(-math.log(checked_rate(rate, where=f"Sequential({name})")) for name, rate in rates.items())
        self._population = _checked_population(population)
        corners = [self._margin(np.float64(base), np.float64(new)) for base in bounds for new in bounds]
        self._lowest, highest = float(min(corners)), float(max(corners))
        if self._lowest >= 0.0 or highest <= 0.0:
            what = f"With values from {bounds[0]} to {bounds[1]} the criterion {'never' if highest <= 0.0 else 'always'} holds"
            raise MetricValueError(what, "Sequential", "tighten the criterion, or check bounds")
        self._width = highest - self._lowest
        bound = -self._lowest / self._width
        self._for = Wealth(bound, population=population)
        self._against = Wealth(1.0 - bound, population=population)
        self._margins: list[NDArray[np.float64]] = []
        self._verdict = Verdict.NOT_YET
        self._samples = 0
        self._decided_after: int | None = None

    @property
    def verdict(self) -> Verdict:
        """What is known so far."""
        return self._verdict

    @property
    def samples(self) -> int:
        """How many pairs were taken in."""
        return self._samples

    @property
    def decided_after(self) -> int | None:
        """How many pairs the verdict took, None as long as there is none."""
        return self._decided_after

    def update(self, baseline: Any, candidate: Any) -> Verdict:
        """Take in the values of both models for the same samples, both of shape ``(T,)`` or one number, and return the verdict.

        Raises:
            MetricValueError: unequal shapes, nothing, values that are not finite or out of bounds, or more than the population.
            MetricTypeError: no numbers.
        """
        where = "Sequential.update"
        base = np.atleast_1d(as_array(baseline, where=f"{where}(baseline)"))
        new = np.atleast_1d(as_array(candidate, where=f"{where}(candidate)"))
        if base.ndim != 1 or base.shape != new.shape or not base.size:
            raise shapes_differ(new, base, where=where, fix="give both models' values for the same samples, shape (T,), at least one")
        if self._population is not None and self._samples + base.size > self._population:
            what = f"{self._samples + base.size} samples were given of a population of {self._population}"
            raise MetricValueError(what, where, "check population, or start a new comparison for another pass")
        margin = self._margin(self._inside(base, f"{where}(baseline)"), self._inside(new, f"{where}(candidate)"))
        margins = np.clip((margin - self._lowest) / self._width, 0.0, 1.0)
        self._margins.append(margins)
        if self._verdict is Verdict.NOT_YET:
            self._decide(margins)
        self._samples += base.size
        return self._verdict

    def interval(self) -> tuple[float, float]:
        """Return bounds on the mean of candidate minus baseline, or minus the part of it that a relative criterion keeps.

        This is the confidence sequence behind the verdicts: each bound is wrong, now or at any time before or later, with a
        probability of at most its error rate, ``error_rate`` for the one that accepts and ``rejection_error_rate`` for the other.
        A verdict is given when the bound that it needs is on the right side: with ``absolute`` and higher values better, within
        when the lower bound is ``-absolute`` or more, outside when the upper one is below; with ``relative`` 0 takes its place.
        It takes the time of some 60 passes over the samples, whose margins are kept for it (8 bytes each).

        Raises:
            MetricValueError: nothing was taken in.
        """
        if not self._margins:
            raise no_data(self, "interval")
        self._margins = [np.concatenate(self._margins)]  # later calls find one piece
        margins, whole = self._margins[0], self._samples == self._population
        if whole:
            low = high = math.fsum(margins) / len(margins)
        else:
            low = lower_bound(margins, log_limit=self._limits[0], population=self._population)
            high = 1.0 - lower_bound(1.0 - margins, log_limit=self._limits[1], population=self._population)
        ends = [self._sign * (self._lowest + self._width * end - self._allowed) for end in (low, high)]
        return min(ends), max(ends)

    def _decide(self, margins: NDArray[np.float64]) -> None:
        within = _first_at_least(self._for.bet(margins), self._limits[0])
        outside = _first_at_least(self._against.bet(1.0 - margins), self._limits[1])
        if within is None and outside is None:
            if self._samples + len(margins) == self._population:  # nothing is left to chance
                total = math.fsum(np.concatenate(self._margins))
                holds = total * self._width >= -self._lowest * self._population * (1.0 - _ROUNDING)
                self._settle(Verdict.WITHIN if holds else Verdict.OUTSIDE, len(margins))
        elif outside is None or (within is not None and within <= outside):
            self._settle(Verdict.WITHIN, 1 + (within or 0))
        else:
            self._settle(Verdict.OUTSIDE, 1 + outside)

    def _settle(self, verdict: Verdict, after: int) -> None:
        self._verdict = verdict
        self._decided_after = self._samples + after

    def _margin(self, baseline: Any, candidate: Any) -> Any:
        """Return what is left of the allowed loss for each pair; the criterion holds when its mean is 0 or more."""
        return self._sign * (candidate - self._kept * baseline) + self._allowed

    def _inside(self, given: NDArray[Any], where: str) -> NDArray[np.float64]:
        values = finite_float64(given, where=where)
        low, high = self._bounds
        slack = _ROUNDING * (high - low)
        smallest, largest = float(values.min()), float(values.max())
        if smallest < low - slack or largest > high + slack:
            wrong = smallest if smallest < low - slack else largest
            raise MetricValueError(
                f"The value {wrong} is outside the bounds {low} to {high}", where, "set bounds to what a sample can have"
            )
        return values


def checked_rate(rate: float, *, where: str) -> float:
    """Return an error rate; raises MetricValueError unless it lies strictly between 0 and 1."""
    fix = "give a probability between 0 and 1, such as 0.05"
    number = real_number(rate, where=where, fix=fix)
    if not 0.0 < number < 1.0:
        raise MetricValueError(f"The error rate is {rate}", where, fix)
    return number


def _criterion(absolute: float | None, relative: float | None, higher_is_better: bool) -> tuple[float, float]:
    """Return the allowed loss, and the share of the baseline that it is counted from."""
    if (absolute is None) == (relative is None):
        given = "both absolute and relative" if relative is not None else "neither absolute nor relative"
        raise MetricValueError(f"The criterion has {given}", "Sequential", "give one of them, such as absolute=0.01")
    fix = "give 0 or more; a relative loss is a fraction below 1, 0.01 for one percent"
    name = "relative" if absolute is None else "absolute"
    value = real_number(relative if absolute is None else absolute, where=f"Sequential({name})", fix=fix)
    if value < 0.0 or (absolute is None and value >= 1.0):
        raise MetricValueError(f"The allowed loss is {value}", f"Sequential({name})", fix)
    if absolute is not None:
        return value, 1.0
    return 0.0, 1.0 - value if higher_is_better else 1.0 + value


def _checked_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    where, fix = "Sequential(bounds)", "give (smallest, largest), both finite"
    if not isinstance(bounds, Sequence) or len(bounds) != 2:
        raise MetricTypeError(f"The bounds are {bounds!r}", where, fix)
    low, high = (real_number(bound, where=where, fix=fix) for bound in bounds)
    if not low < high or not math.isfinite(high - low):
        raise MetricValueError(f"The bounds are {bounds}", where, fix)
    return low, high


def _checked_population(population: int | None) -> int | None:
    return None if population is None else whole_number(population, where="Sequential(population)", least=1)


def _first_at_least(path: NDArray[np.float64], limit: float) -> int | None:
    reached = path >= limit
    return int(reached.argmax()) if reached.any() else None
