from inc_config import plugins
from inc_config.quantization import Approach
from inc_strategy import Stop
from inc_strategy.strategies.auto import Auto, make
from inc_strategy.testing import SimulatedModel, StrategyConformance, drive, view_of


class TestConformance(StrategyConformance):
    def make(self) -> Auto:
        return make()


def counts(view):
    return [sorted(op.scope for op in trial.plan.quantized) for trial in view.trials]


def test_auto_is_found_by_name():
    assert isinstance(plugins.load("inc.strategies", "auto")(), Auto)


def test_a_default_plan_that_meets_the_criterion_is_the_end():
    model = SimulatedModel.of([0.001, 0.001])
    view, stop = drive(make(), model, view_of(model))
    assert len(view.trials) == 1
    assert stop == Stop("a model meets the criterion")


def test_types_are_built_up_before_single_operators_go_back():
    # MatMul layers (even) break the model, Conv layers (odd) do not: the default fails, Conv is kept, MatMul on top fails again, and
    # that is the default plan, which is not tried twice.
    model = SimulatedModel.of([0.1, 0.001, 0.1, 0.001])
    view, _ = drive(make(), model, view_of(model, approach=Approach.STATIC))
    assert counts(view) == [["layer0", "layer1", "layer2", "layer3"], ["layer1", "layer3"]]


def test_when_no_type_can_be_kept_single_operators_go_back():
    # One bad operator of each type: neither type alone is inside, so basic's fallbacks follow, and both bad ones together suffice.
    model = SimulatedModel.of([0.1, 0.1, 0.0, 0.0])
    view, _ = drive(make(), model, view_of(model, approach=Approach.STATIC))
    assert sorted(op.scope for op in view.best_feasible.plan.quantized) == ["layer2", "layer3"]
    assert len(view.trials) == 1 + 2 + 1 + 4 + 1  # basic tries the first and the last operator together before each alone
