import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.frozen import FrozenMap
from inc_config.plan import FLOAT, OpId
from inc_config.quantization import Approach
from inc_config.target import Target
from inc_config.tuning import AccuracyCriterion
from inc_strategy import Measurement, ProbeResult, Trial, TrialStatus, View, summary
from inc_strategy.outcome import frontier, hurts
from inc_strategy.strategies.basic import make
from inc_strategy.testing import DYNAMIC_INT8, SimulatedModel, drive, view_of, with_items

MODEL = SimulatedModel.of([0.01, 0.05, 0.03])
START = view_of(MODEL, approach=Approach.STATIC)
WHOLE = START.default_plan


def trial(index, plan, accuracy, *, status=TrialStatus.COMPLETE, **measured):
    return Trial(index=index, plan=plan, status=status, measurement=Measurement(accuracy=accuracy, **measured))


def test_a_feasible_model_is_the_result_and_needs_no_suggestion():
    view, stop = drive(make(), SimulatedModel.of([0.001, 0.3, 0.001]), view_of(SimulatedModel.of([0.001, 0.3, 0.001])))
    outcome = summary(view, reason=stop.reason)
    assert outcome.is_feasible
    assert outcome.best == view.best_feasible
    assert (outcome.reason, outcome.baseline, outcome.limit) == ("a model meets the criterion", 0.9, 0.9 - 0.01)
    assert outcome.suggestions == ()


def test_without_a_feasible_model_there_is_the_best_so_far_and_what_to_try():
    view, stop = drive(make(), MODEL, view_of(MODEL, loss=0.005, approach=Approach.STATIC))
    outcome = summary(view, reason=stop.reason)
    assert not outcome.is_feasible
    assert outcome.reason == "every fallback was tried"
    assert [op.scope for op in outcome.best.plan.quantized] == ["layer0"]
    assert outcome.best.index in {t.index for t in outcome.frontier}
    assert [hurt.ops[0].scope for hurt in outcome.hurts[:2]] == ["layer1", "layer2"]
    assert outcome.suggestions


def test_a_model_in_float_is_neither_the_result_nor_on_the_frontier():
    original, missed = trial(0, WHOLE.with_float(WHOLE.quantized[1:]), 0.9, in_float=True), trial(1, WHOLE, 0.5)
    outcome = summary(with_items(START, original, missed))
    assert not outcome.is_feasible
    assert (outcome.best, outcome.frontier) == (missed, (missed,))


def test_the_gain_of_a_fallback_is_measured_against_the_nearest_plan():
    one, other = WHOLE.quantized[0], WHOLE.quantized[1]
    single, both = WHOLE.with_float([one]), WHOLE.with_float([one, other])
    items = trial(0, WHOLE, 0.5), trial(1, single, 0.6), trial(2, both, 0.9), trial(3, WHOLE.with_float([WHOLE.quantized[2]]), 0.4)
    found = hurts(with_items(START, *items))
    assert [hurt.ops for hurt in found] == [(other,), (one,)]
    assert [hurt.gain for hurt in found] == pytest.approx([0.3, 0.1])
    down = attrs.evolve(START, criterion=AccuracyCriterion(higher_is_better=False))
    assert [hurt.ops for hurt in hurts(with_items(down, *items))] == [(WHOLE.quantized[2],)]


def test_a_gain_from_a_trial_that_stopped_early_says_so():
    early = trial(1, WHOLE.with_float(WHOLE.quantized[:1]), 0.6, status=TrialStatus.STOPPED_EARLY)
    (hurt,) = hurts(with_items(START, trial(0, WHOLE, 0.5), early))
    assert hurt.is_censored


def test_probes_tell_where_no_trial_does():
    one, other, third = WHOLE.quantized
    probe = ProbeResult(index=0, kind="mse", plan=WHOLE, scores=FrozenMap({one: 0.1, other: 0.7, third: 0.0}))
    assert [(h.ops, h.gain, h.source) for h in hurts(with_items(START, probe))] == [((other,), 0.7, "mse"), ((one,), 0.1, "mse")]


points = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8)


@given(points=points)
@settings(max_examples=60, deadline=None)
def test_the_frontier_is_what_no_other_trial_beats(points):
    trials = [trial(i, WHOLE, accuracy / 10, latency_s=float(latency)) for i, (accuracy, latency) in enumerate(points)]
    kept = {t.index for t in frontier(with_items(START, *trials))}
    for index, (accuracy, latency) in enumerate(points):
        beaten = any(a >= accuracy and s <= latency and (a, s) != (accuracy, latency) for a, s in points)
        assert (index not in kept) == beaten


def test_without_latency_the_frontier_weighs_accuracy_against_quantized_operators():
    trials = [trial(i, WHOLE.with_float(WHOLE.quantized[:i]), accuracy) for i, accuracy in enumerate([0.5, 0.4, 0.6])]
    assert [t.index for t in frontier(with_items(START, *trials))] == [0, 2]
    assert frontier(START) == ()


def test_the_loss_that_would_accept_the_best_model_is_suggested_and_does():
    for criterion in (AccuracyCriterion(loss=0.01), AccuracyCriterion(loss=0.01, kind="absolute")):
        view = with_items(attrs.evolve(START, criterion=criterion), trial(0, WHOLE, 0.8123))
        text = summary(view).suggestions[0]
        allowed = float(text.split("accuracy_loss=")[1].split()[0])
        assert attrs.evolve(criterion, loss=allowed).is_met(0.8123, 0.9)
    zero = attrs.evolve(START, baseline=0.0, criterion=AccuracyCriterion(loss=0.01))
    assert "absolute" in summary(with_items(zero, trial(0, WHOLE, -0.5))).suggestions[0]


def test_no_larger_loss_is_suggested_where_the_evaluation_itself_said_no():
    refused = attrs.evolve(trial(0, WHOLE, 0.9), meets=False)
    assert not any("accuracy_loss" in text for text in summary(with_items(START, refused)).suggestions)


def test_failures_spent_trials_and_the_other_approach_are_suggested():
    failed = Trial(index=0, plan=WHOLE, status=TrialStatus.FAILED, error="out of memory")
    outcome = summary(with_items(view_of(MODEL, max_trials=1, approach=Approach.STATIC), failed))
    assert outcome.best is None
    assert any("out of memory" in text for text in outcome.suggestions)
    assert any("max_trials=1" in text for text in outcome.suggestions)
    assert any("approach 'auto'" in text for text in outcome.suggestions)
    dynamic = summary(with_items(view_of(MODEL, approach=Approach.DYNAMIC), trial(0, WHOLE, 0.5)))
    assert not any("Calibrate" in text for text in dynamic.suggestions)


def test_when_nothing_can_be_quantized_the_reasons_are_given():
    ops = [OpCapability(op=OpId(f"n{i}"), reason=Reason(ReasonCode.UNSUPPORTED_OPERATOR if i else ReasonCode.TOO_SMALL)) for i in range(3)]
    view = View(capabilities=Capabilities(target=Target(runtime="torch"), ops=ops))
    assert summary(view).suggestions == (
        f"Look at why no operator can be quantized for {view.capabilities.target}: 2 x unsupported_operator, 1 x too_small.",
    )
    only_dynamic = Capabilities(target=Target(runtime="torch"), ops=[OpCapability(op=OpId("lstm"), options=(DYNAMIC_INT8, FLOAT))])
    assert "approach 'auto'" in summary(View(capabilities=only_dynamic)).suggestions[0]
    assert "no operators" in summary(View(capabilities=Capabilities(target=Target(runtime="torch")))).suggestions[0]
