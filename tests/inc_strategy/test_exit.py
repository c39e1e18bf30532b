import attrs
from inc_config.tuning import ExitPolicy
from inc_strategy import Measurement, ProbeResult, Trial, exit_reason, spent_s
from inc_strategy.testing import SimulatedModel, view_of, with_items

MODEL = SimulatedModel.of([0.01, 0.02])
WHOLE = view_of(MODEL).default_plan


def trial(accuracy):
    return Trial(index=0, plan=WHOLE, measurement=Measurement(accuracy=accuracy, seconds=2.5))


def with_policy(*items, **policy):
    return with_items(attrs.evolve(view_of(MODEL), exit_policy=ExitPolicy(**policy)), *items)


def test_the_first_success_ends_the_search_only_where_asked():
    assert exit_reason(with_policy(trial(0.9), first_success=True)) == "a model meets the criterion"
    assert exit_reason(with_policy(trial(0.9), first_success=False)) is None
    assert exit_reason(with_policy(trial(0.5), first_success=True)) is None


def test_the_trials_are_counted():
    assert exit_reason(with_policy(trial(0.5), max_trials=1)) == "all 1 trials are used up"
    assert exit_reason(with_policy(trial(0.5), max_trials=2)) is None


def test_the_time_limit_counts_all_sessions_and_zero_means_none():
    assert exit_reason(with_policy(timeout_s=60.0), elapsed_s=60.0) == "the time limit of 60 s is used up"
    assert exit_reason(with_policy(timeout_s=60.0), elapsed_s=59.9) is None
    assert exit_reason(with_policy(timeout_s=0.0), elapsed_s=1e9) is None
    probe = ProbeResult(index=1, kind="mse", plan=WHOLE, seconds=1.5)
    assert spent_s(with_policy(trial(0.5), probe)) == 4.0
