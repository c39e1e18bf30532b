"""One error rate for a whole run."""

from __future__ import annotations

from typing import Any

from inc_metrics.confidence.sequential import Sequential, checked_rate
from inc_metrics.options import whole_number


class ErrorBudget:
    """Spends one error rate over any number of candidates, not known beforehand: the k-th gets ``rate / (k (k + 1))``.

    The shares add up to the rate, so that the probability of accepting any candidate that is outside the criterion, over the
    whole run, is at most the rate (union bound), however the candidates depend on each other.

    Args:
        error_rate: for the whole run.
        used: candidates that got their share before, when a run is resumed.
    """

    def __init__(self, error_rate: float = 0.05, *, used: int = 0) -> None:
        self.error_rate = checked_rate(error_rate, where="ErrorBudget(error_rate)")
        self.used = whole_number(used, where="ErrorBudget(used)", least=0)

    @property
    def spent(self) -> float:
        """The sum of all shares handed out."""
        return self.error_rate * self.used / (self.used + 1)

    def share(self) -> float:
        """Return the next candidate's error rate and count it as spent."""
        self.used += 1
        return self.error_rate / (self.used * (self.used + 1))

    def sequential(self, **options: Any) -> Sequential:
        """Return the comparison for the next candidate, with its share as ``error_rate``; options are those of :class:`Sequential`.

        The rate of wrong rejections is the whole budget's, unless given: rejecting costs a candidate, not the promise.

        Raises:
            MetricValueError: an option makes no sense; nothing is spent then.
        """
        options.setdefault("rejection_error_rate", self.error_rate)
        following = ErrorBudget(self.error_rate, used=self.used)
        made = Sequential(error_rate=following.share(), **options)
        self.used = following.used
        return made
