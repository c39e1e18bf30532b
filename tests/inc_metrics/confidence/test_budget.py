"""One error rate over a run of candidates."""

import math

import numpy as np
import pytest
from inc_metrics import ErrorBudget, MetricValueError, Verdict

RUNS = 10_000


def test_the_shares_never_exceed_the_budget() -> None:
    budget = ErrorBudget(0.1)
    shares = [budget.share() for _ in range(1_000)]
    assert shares[:3] == [0.1 / 2, 0.1 / 6, 0.1 / 12]
    assert math.fsum(shares) == pytest.approx(budget.spent, rel=1e-12)
    assert budget.spent < 0.1
    assert ErrorBudget(0.1, used=3).share() == shares[3]


def test_over_runs_of_four_candidates_at_the_null_any_false_acceptance_is_rarer_than_stated() -> None:
    # Every candidate drops exactly what is allowed; a run stops at its first acceptance, and each candidate at its first verdict.
    rng = np.random.default_rng(0)
    outcomes = np.array([-1.0, 0.0, 1.0])
    false = 0
    for _ in range(RUNS):
        budget = ErrorBudget(0.1)
        for _ in range(4):
            change = outcomes[np.searchsorted([0.11, 0.93], rng.random(150))]  # -1, 0, 1 with 0.11, 0.82, 0.07
            base = np.where(change == 0.0, 1.0, change < 0).astype(float)
            if budget.sequential(absolute=0.04).update(base, base + change) is Verdict.WITHIN:
                false += 1
                break
    assert 0 < false <= 0.1 * RUNS


def test_a_refused_option_spends_nothing() -> None:
    budget = ErrorBudget()
    with pytest.raises(MetricValueError, match="neither absolute nor relative"):
        budget.sequential()
    assert budget.spent == 0.0
    budget.sequential(absolute=0.01)
    assert budget.spent == 0.025
    for wrong in (0.0, 1.0):
        with pytest.raises(MetricValueError, match="error rate is"):
            ErrorBudget(wrong)
    with pytest.raises(MetricValueError, match="used is -1"):
        ErrorBudget(used=-1)
