"""What a search found, said in full: there is always a result."""

from __future__ import annotations

import attrs
from inc_config.plan import OpId

from inc_strategy.trial import Trial
from inc_strategy.view import View


@attrs.frozen(kw_only=True)
class Hurt:
    """How much accuracy came back when ``ops`` alone went to float.

    ``gain`` is in the metric's unit (positive: the model got better); ``censored`` says that a trial behind it was stopped early.
    """

    ops: tuple[OpId, ...]
    gain: float
    censored: bool = False


@attrs.frozen(kw_only=True)
class Outcome:
    """The end of a search.

    ``best`` is the best feasible trial, or (``is_feasible`` False) the most accurate one; None only when no trial gave a model.
    ``frontier`` holds complete trials that no other beats in accuracy, latency and size at once; ``hurts`` the operators that hurt most,
    worst first; ``suggestions`` what to try next, one sentence each.
    """

    best: Trial | None
    is_feasible: bool
    reason: str
    baseline: float | None
    limit: float | None
    frontier: tuple[Trial, ...] = ()
    hurts: tuple[Hurt, ...] = ()
    suggestions: tuple[str, ...] = ()


def summary(view: View, *, reason: str = "") -> Outcome:
    """Sum up a search; ``reason`` is why it stopped."""
    chosen = view.best_feasible
    return Outcome(
        best=chosen or view.best_so_far,
        is_feasible=chosen is not None,
        reason=reason,
        baseline=view.baseline,
        limit=None if view.baseline is None else view.criterion.limit(view.baseline),
    )
