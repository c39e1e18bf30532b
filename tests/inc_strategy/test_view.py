import attrs
import pytest
from inc_config.plan import FLOAT
from inc_config.quantization import Approach
from inc_strategy import Evaluate, Measurement, Pending, Probe, ProbeResult, Trial, TrialStatus
from inc_strategy.testing import DYNAMIC_INT8, STATIC_INT8, SimulatedModel, view_of, with_items

MODEL = SimulatedModel.of([0.01, 0.02, 0.03])


def trial(index, accuracy=None, *, status=TrialStatus.COMPLETE, fallbacks=0, meets=None, **measured):
    plan = view_of(MODEL).default_plan
    measurement = Measurement(accuracy=accuracy, **measured)
    return Trial(index=index, plan=plan.with_float(plan.quantized[:fallbacks]), status=status, measurement=measurement, meets=meets)


@pytest.mark.parametrize(
    ("approach", "static", "dynamic"), [(Approach.STATIC, True, False), (Approach.DYNAMIC, False, True), (Approach.AUTO, True, True)]
)
def test_the_approach_decides_which_integer_options_are_accepted(approach, static, dynamic):
    view = view_of(MODEL, approach=approach)
    assert (view.accept(STATIC_INT8), view.accept(DYNAMIC_INT8), view.accept(FLOAT)) == (static, dynamic, True)


def test_the_default_plan_carries_the_recipes():
    view = attrs.evolve(view_of(MODEL), recipes={"smooth_quant_alpha": 0.5})
    assert view.default_plan.recipes["smooth_quant_alpha"] == 0.5
    assert view.default_plan.digest != view_of(MODEL).default_plan.digest


def test_a_censored_accuracy_is_not_a_value():
    early = trial(0, 0.9, status=TrialStatus.STOPPED_EARLY)
    view = with_items(view_of(MODEL), early)
    assert early.accuracy is None
    assert early.estimate == 0.9
    assert not view.feasible(early)
    assert view.feasible(attrs.evolve(early, meets=True))


def test_a_verdict_of_the_evaluation_outweighs_the_accuracy():
    view = view_of(MODEL)
    assert view.feasible(trial(0, 0.895))
    assert not view.feasible(trial(0, 0.895, meets=False))
    assert not view.feasible(trial(0, 0.88))
    assert not view.feasible(trial(0, 0.9, status=TrialStatus.FAILED, meets=True))


def test_without_a_baseline_every_complete_trial_is_feasible():
    view = attrs.evolve(view_of(MODEL), baseline=None)
    assert view.limit is None
    assert view.feasible(trial(0))
    assert not view.feasible(trial(0, status=TrialStatus.STOPPED_EARLY))


def test_a_model_that_computes_in_float_meets_the_criterion_and_is_no_success():
    original, worse = trial(0, 0.9, in_float=True), trial(1, 0.895, fallbacks=1)
    view = with_items(view_of(MODEL), original, worse)
    assert view.feasible(original)
    assert not view.succeeds(original)
    assert view.best_feasible == view.best_so_far == worse
    alone = with_items(view_of(MODEL), original)
    assert alone.best_feasible is None
    assert alone.best_so_far == original


def test_lost_trials_are_not_counted_and_pending_ones_are():
    whole = view_of(MODEL, max_trials=3).default_plan
    pending = Pending(index=2, action=Evaluate(whole.with_float(whole.quantized[:2])))
    probing = Pending(index=3, action=Probe("mse", whole, whole.quantized))
    view = with_items(view_of(MODEL, max_trials=3), trial(0, 0.5), trial(1, status=TrialStatus.LOST, fallbacks=1), pending, probing)
    assert (view.spent, view.trials_left) == (2, 1)
    assert view.settled == {whole.digest, pending.action.plan.digest}
    assert view.pending == (pending, probing)
    assert set(view.results) == {whole.digest}


def test_the_best_so_far_is_the_most_accurate_complete_trial_and_the_first_of_equals():
    early = trial(0, 0.89, status=TrialStatus.STOPPED_EARLY)
    view = with_items(view_of(MODEL), early, trial(1, 0.7), trial(2, 0.8, fallbacks=1), trial(3, 0.8, fallbacks=2))
    assert view.best_so_far.index == 2
    assert with_items(view, early, trial(1, status=TrialStatus.FAILED)).best_so_far == early
    assert view_of(MODEL).best_so_far is None
    errors = SimulatedModel.of([0.1], higher_is_better=False)
    assert with_items(view_of(errors), trial(0, 0.8), trial(1, 0.7, fallbacks=1)).best_so_far.index == 1


def test_probes_and_trials_are_told_apart():
    probe = ProbeResult(index=1, kind="mse", plan=view_of(MODEL).default_plan)
    view = with_items(view_of(MODEL), trial(0, 0.5), probe)
    assert (view.probes, len(view.trials)) == ((probe,), 1)


@pytest.mark.parametrize(
    "wrong", [{"accuracy": float("nan")}, {"latency_s": float("inf")}, {"accuracy_interval": (0.2, 0.1)}, {"seconds": float("nan")}]
)
def test_a_measurement_holds_only_finite_numbers(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Measurement(**wrong)
