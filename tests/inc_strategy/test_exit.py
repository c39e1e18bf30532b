import attrs
from inc_config.tuning import ExitPolicy
from inc_strategy import Evaluate, Measurement, Pending, ProbeResult, Trial, TrialStatus, exit_reason, spent_s
from inc_strategy.testing import SimulatedModel, view_of, with_items

MODEL = SimulatedModel.of([0.01, 0.02])
WHOLE = view_of(MODEL).default_plan


def trial(accuracy, *, in_float=False):
    return Trial(index=0, plan=WHOLE, measurement=Measurement(accuracy=accuracy, seconds=2.5, in_float=in_float))


def with_policy(*items, **policy):
    return with_items(attrs.evolve(view_of(MODEL), exit_policy=ExitPolicy(**policy)), *items)


def test_the_first_success_ends_the_search_only_where_asked():
    assert exit_reason(with_policy(trial(0.9), first_success=True)) == "a model meets the criterion"
    assert exit_reason(with_policy(trial(0.9), first_success=False)) is None
    assert exit_reason(with_policy(trial(0.5), first_success=True)) is None
    assert exit_reason(with_policy(trial(0.9, in_float=True), first_success=True)) is None


def test_the_trials_are_counted():
    assert exit_reason(with_policy(trial(0.5), max_trials=1)) == "all 1 trials are used up"
    assert exit_reason(with_policy(trial(0.5), max_trials=2)) is None


def test_the_time_limit_counts_all_sessions_and_zero_means_none():
    assert exit_reason(with_policy(timeout_s=60.0), elapsed_s=60.0) == "the time limit of 60 s is used up"
    assert exit_reason(with_policy(timeout_s=60.0), elapsed_s=59.9) is None
    assert exit_reason(with_policy(timeout_s=0.0), elapsed_s=1e9) is None
    probe = ProbeResult(index=1, kind="mse", plan=WHOLE, seconds=1.5)
    assert spent_s(with_policy(trial(0.5), probe)) == 4.0


def test_a_strategy_that_builds_up_is_not_stopped_by_its_first_success():
    model = SimulatedModel.of([0.0])
    view = view_of(model)
    done = with_items(view, model.answer(Pending(index=0, action=Evaluate(view.default_plan))))
    assert exit_reason(done) == "a model meets the criterion"
    assert exit_reason(done, builds_up=True) is None


def test_thirty_lost_trials_in_a_row_end_the_search_though_they_use_up_nothing():
    model = SimulatedModel.of([0.0])
    view = view_of(model, max_trials=5)
    lost = [Trial(index=index, plan=view.default_plan, status=TrialStatus.LOST) for index in range(30)]
    assert exit_reason(with_items(view, *lost[:29])) is None
    assert exit_reason(with_items(view, *lost)) == "the last 30 trials were all lost"
