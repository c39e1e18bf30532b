"""When to stop by the exit policy, whatever the strategy would do next."""

from __future__ import annotations

from inc_strategy.trial import TrialStatus
from inc_strategy.view import View

LOST_IN_A_ROW = 30
"""After so many lost trials and nothing else, whatever runs them is broken."""


def exit_reason(view: View, *, elapsed_s: float = 0.0, builds_up: bool = False) -> str | None:
    """Why no further trial may start, or None.

    ``elapsed_s`` is the time spent on this search so far, earlier sessions included (``spent_s`` of a resumed one).
    For a strategy that ``builds_up``, a success is a step on its way and no reason to stop.
    """
    policy = view.exit_policy
    if policy.first_success and not builds_up and any(view.succeeds(trial) for trial in view.trials):
        return "a model meets the criterion"
    if policy.timeout_s > 0.0 and elapsed_s >= policy.timeout_s:
        return f"the time limit of {policy.timeout_s:g} s is used up"
    latest = view.trials[-LOST_IN_A_ROW:]
    if len(latest) == LOST_IN_A_ROW and all(trial.status is TrialStatus.LOST for trial in latest):
        return f"the last {LOST_IN_A_ROW} trials were all lost"
    if view.trials_left == 0:
        return f"all {policy.max_trials} trials are used up"
    return None


def spent_s(view: View) -> float:
    """Seconds that finished trials and probes took."""
    trials = sum(trial.measurement.seconds for trial in view.trials if trial.measurement)
    return trials + sum(probe.seconds for probe in view.probes)
