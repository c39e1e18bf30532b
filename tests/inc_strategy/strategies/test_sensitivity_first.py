import random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_config.frozen import FrozenMap
from inc_config.quantization import Approach
from inc_strategy import Probe, ProbeResult, TrialStatus
from inc_strategy.strategies.sensitivity_first import SensitivityFirst, make
from inc_strategy.strategies.smallest import clear_gap
from inc_strategy.testing import SimulatedModel, StrategyConformance, drive, view_of


class TestConformance(StrategyConformance):
    def make(self) -> SensitivityFirst:
        return make()


def in_float(view, trial):
    return {op.scope for op in view.quantizable if op not in trial.plan.quantized}


def search(losses, *, outcome=None, max_trials=500, loss=0.01):
    model = SimulatedModel.of(losses)
    view = view_of(model, approach=Approach.STATIC, max_trials=max_trials, loss=loss)
    return drive(make(), model, view, **({} if outcome is None else {"outcome": outcome}))


def ranked_by(scores):
    """Probes that say ``scores[scope]`` instead of the truth."""

    def outcome(_, result):
        if not isinstance(result, ProbeResult):
            return result
        return attrs.evolve(result, scores=FrozenMap({op: scores[op.scope] for op in result.ops}))

    return outcome


def test_a_default_plan_that_meets_the_criterion_takes_one_trial_and_no_probe():
    view, stop = search([0.001, 0.002])
    assert len(view.items) == 1
    assert "every operator is in integers" in stop.reason


def test_three_breaking_operators_among_many_are_found_exactly_in_five_trials_when_they_stand_out():
    # 97 operators lose nothing to speak of, 3 lose a tenth each: the gap says 3; the default, these three, and each of them again.
    losses = [1e-5] * 100
    for place in (7, 50, 93):
        losses[place] = 0.1
    view, stop = search(losses)
    assert len(view.probes) == 1
    assert len(view.trials) == 5
    assert in_float(view, view.best_feasible) == {"layer7", "layer50", "layer93"}
    assert stop.reason == "3 of 100 operators must stay in float, no fewer were found"


def test_the_best_within_the_budget_is_looked_for_along_the_ranking():
    """The default meets the criterion; 1, 2 and 4 operators in float cost more and lose less."""
    model = SimulatedModel.of([0.001, 0.002, 0.003, 0.0, 0.004, 0.0])
    view = view_of(model, approach=Approach.STATIC, loss=0.05)
    best = attrs.evolve(view, exit_policy=attrs.evolve(view.exit_policy, first_success=False))
    view, stop = drive(make(), model, best)
    assert [in_float(view, trial) for trial in view.trials] == [
        set(),
        {"layer4"},
        {"layer4", "layer2"},
        {"layer4", "layer2", "layer1", "layer0"},
    ]
    assert "every operator is in integers" in stop.reason


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([20, 64, 150]), st.integers(1, 4))
def test_any_ranking_finds_exactly_the_breaking_operators(seed, count, breaking):
    # A random ranking is the worst that a probe can be. Each breaking operator costs at most one halving over all operators and one
    # question whether it is the last: (b + 1) (log2 n + 2) + 1.
    chance = random.Random(seed)
    broken = chance.sample(range(count), breaking)
    losses = [0.1 if place in broken else 0.0 for place in range(count)]
    scores = {f"layer{place}": chance.random() for place in range(count)}
    view, _ = search(losses, outcome=ranked_by(scores))
    assert in_float(view, view.best_feasible) == {f"layer{place}" for place in broken}
    assert len(view.trials) <= (breaking + 1) * (count.bit_length() + 2) + 1


def test_the_number_of_trials_grows_with_the_logarithm_of_the_operators():
    def trials(count):
        # The only breaking operator has the lowest score: as far from the guess as can be.
        scores = {f"layer{place}": 1.0 + place for place in range(count)}
        view, _ = search([0.1] + [0.0] * (count - 1), outcome=ranked_by(scores))
        return len(view.trials)

    assert trials(1024) - trials(64) <= 2 * 4
    assert trials(1024) <= 2 * 10 + 3


def test_an_operator_that_only_breaks_together_with_others_goes_back_with_as_few_as_suffice():
    # 0.006 each against 0.01: any one may stay in integers with at most one half of another, so all but one go back.
    view, _ = search([0.006, 0.006, 0.006, 0.0])
    assert len(in_float(view, view.best_feasible)) == 2
    assert len(view.best_feasible.plan.quantized) == 2


def test_without_scores_the_search_goes_backwards_and_still_finds_it():
    def no_probe(_, result):
        return attrs.evolve(result, scores=FrozenMap(), status=TrialStatus.FAILED, error="x") if isinstance(result, ProbeResult) else result

    view, _ = search([0.1] + [0.0] * 30, outcome=no_probe)
    assert in_float(view, view.best_feasible) == {"layer0"}


def test_when_all_but_one_operator_in_float_is_not_enough_it_says_so():
    view, stop = search([0.5] * 9, loss=0.0)
    assert view.best_feasible is None
    assert stop.reason == "no set of operators in float meets the criterion, but all of them"


def test_approach_auto_tries_dynamic_ranges_before_any_fallback():
    model = SimulatedModel.of([0.1, 0.0, 0.0])

    def dynamic_is_fine(_, result):
        if not isinstance(result, ProbeResult) and all(plan.is_dynamic for plan in result.plan.ops.values()):
            return attrs.evolve(result, measurement=attrs.evolve(result.measurement, accuracy=0.9))
        return result

    view, _ = drive(make(), model, view_of(model, approach=Approach.AUTO), outcome=dynamic_is_fine)
    assert len(view.trials) == 2
    assert len(view.best_feasible.plan.quantized) == 3


def test_the_probe_is_asked_once_on_the_plan_that_failed():
    model = SimulatedModel.of([0.1, 0.0])
    view, _ = drive(make(), model, view_of(model, approach=Approach.STATIC))
    assert [probe.probe for probe in view.probes] == [Probe("mse", view.default_plan, view.quantizable)]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], 1),
        ([0.0, 0.0], 1),
        ([5.0], 1),
        ([8.0, 7.0, 6.0, 5.5], 1),  # nothing stands out
        ([8.0, 7.0, 0.1, 0.1, 0.1], 2),  # 7 / 0.1 is the largest ratio
        ([8.0, 4.0, 3.0, 2.5, 0.0], 1),  # the zero at the end lies in the better half
        ([8.0, 0.0, 0.0, 0.0], 1),
    ],
)
def test_how_many_scores_stand_out(scores, expected):
    assert clear_gap(scores) == expected
