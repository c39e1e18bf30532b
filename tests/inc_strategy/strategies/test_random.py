import attrs
from inc_config.quantization import Approach
from inc_strategy import Stop
from inc_strategy.strategies.random import Random, make
from inc_strategy.testing import SimulatedModel, StrategyConformance, drive, view_of


class TestConformance(StrategyConformance):
    def make(self) -> Random:
        return make()


def tried(view):
    return [trial.plan.digest for trial in view.trials]


def test_a_small_space_is_used_up_without_repeating():
    model = SimulatedModel.of([0.5, 0.5])
    view, stop = drive(make(), model, view_of(model, approach=Approach.STATIC))
    assert len(set(tried(view))) == len(tried(view)) == 3  # 2 * 2 combinations, of which one is all float
    assert stop == Stop("every combination was tried")


def test_the_seed_decides_the_order():
    model = SimulatedModel.of([0.5] * 30)
    start = view_of(model, max_trials=10)
    first, _ = drive(make(), model, start)
    again, _ = drive(make(), model, start)
    other, _ = drive(make(), model, attrs.evolve(start, seed=1))
    assert tried(first) == tried(again)
    assert not set(tried(first)) & set(tried(other))


def test_options_are_drawn_with_equal_chance():
    # 60 operators in 30 trials with two options each: 1800 fair draws have a standard deviation of 21, so five of them are 106.
    model = SimulatedModel.of([0.5] * 60)
    view, _ = drive(make(), model, view_of(model, max_trials=30, approach=Approach.STATIC))
    assert abs(sum(len(trial.plan.quantized) for trial in view.trials) - 900) < 106
