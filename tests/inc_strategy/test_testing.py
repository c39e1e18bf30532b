"""The shipped conformance suite must reject strategies that break the contract."""

import attrs
import pytest
from inc_config.quantization import Approach
from inc_strategy import Evaluate, Probe, Stop, TrialStatus, Wait, testing
from inc_strategy.strategies.basic import make
from inc_strategy.testing import SimulatedModel, StrategyConformance, drive, view_of

MODEL = SimulatedModel.of([0.3, 0.3, 0.3])


class Scripted:
    """Answers by a function of the view."""

    def __init__(self, answer):
        self.propose = answer


def other_plan(view):
    whole = view.default_plan
    return whole.with_ops(dict.fromkeys(whole.quantized, view.capabilities.ops[0].options[1]))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _: Wait(), "Wait although nothing is pending"),
        (lambda _: Stop(""), "Stop without a reason"),
        (lambda view: Evaluate(view.default_plan), "has a result or is pending"),
        (lambda view: Evaluate(view.default_plan.with_float(view.quantizable)), "leaves everything in fp32"),
        (
            lambda view: Evaluate(view.default_plan.with_float([])) if not view.items else Evaluate(other_plan(view)),
            "not offered or not accepted",
        ),
        (lambda view: Probe("mse", view.default_plan, view.quantizable), "a probe that has a result"),
        (lambda view: Probe("mse", view.default_plan, view.quantizable, batches=1 + len(view.items)), "no Stop after"),
    ],
)
def test_a_broken_action_is_caught(answer, message, monkeypatch):
    monkeypatch.setattr(testing, "MAX_STEPS", 100)
    with pytest.raises(AssertionError, match=message):
        drive(Scripted(answer), MODEL, view_of(MODEL, approach=Approach.STATIC))


def test_a_plan_without_an_operator_is_caught():
    def forgetful(view):
        return Evaluate(attrs.evolve(view.default_plan, ops=dict(list(view.default_plan.ops.items())[1:])))

    with pytest.raises(AssertionError, match="leaves operators out"):
        drive(Scripted(forgetful), MODEL, view_of(MODEL))


def test_going_beyond_the_trials_and_on_after_success_is_caught():
    def greedy(view):
        return Evaluate(view.default_plan.with_float(view.quantizable[: len(view.items)]))

    with pytest.raises(AssertionError, match="beyond max_trials"):
        drive(Scripted(greedy), MODEL, view_of(MODEL, max_trials=1))
    easy = SimulatedModel.of([0.0, 0.0, 0.0])
    with pytest.raises(AssertionError, match="exit policy says stop"):
        drive(Scripted(greedy), easy, view_of(easy))


def test_a_strategy_that_remembers_is_caught():
    class Forgetful:
        def __init__(self):
            self.calls = 0

        def propose(self, view):
            self.calls += 1
            return make().propose(view) if self.calls < 4 else Stop("tired")

    class Suite(StrategyConformance):
        def make(self):
            return Forgetful()

    with pytest.raises(AssertionError, match="two answers after"):
        Suite().test_the_same_view_gives_the_same_action_whoever_is_asked()


def test_a_suite_without_a_strategy_says_what_to_do():
    with pytest.raises(AssertionError, match=r"override make\(\)"):
        StrategyConformance().test_it_works_with_a_single_operator()


def test_probes_and_their_ends_can_be_simulated():
    def probing(view):
        if view.probes:
            return Stop("done")
        return Wait() if view.pending else Probe("mse", view.default_plan, view.quantizable)

    view, _ = drive(Scripted(probing), MODEL, view_of(MODEL))
    assert dict(view.probes[0].scores) == dict(MODEL.losses)

    class Suite(StrategyConformance):
        def make(self):
            return Scripted(probing)

    Suite().test_it_survives_lost_trials()
    assert view.probes[0].status is TrialStatus.COMPLETE
