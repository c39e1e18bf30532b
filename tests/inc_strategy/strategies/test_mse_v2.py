from inc_config.quantization import Approach
from inc_strategy import Probe
from inc_strategy.strategies.mse_v2 import MseV2, make
from inc_strategy.testing import SimulatedModel, StrategyConformance, drive, view_of


class TestConformance(StrategyConformance):
    def make(self) -> MseV2:
        return make()


def fallbacks(view):
    return [[op.scope for op in view.quantizable if op not in t.plan.quantized] for t in view.trials]


def test_the_operator_that_takes_most_error_away_goes_back_until_the_criterion_is_met():
    model = SimulatedModel.of([0.02, 0.05, 0.03, 0.001])
    view, _ = drive(make(), model, view_of(model, loss=0.005, approach=Approach.STATIC))
    assert fallbacks(view) == [[], ["layer1"], ["layer1", "layer2"], ["layer0", "layer1", "layer2"]]
    assert view.best_feasible == view.trials[-1]


def test_every_step_is_probed_on_the_plan_it_starts_from_with_the_batches_of_1x():
    model = SimulatedModel.of([0.02, 0.05, 0.001])
    view, _ = drive(make(confidence_batches=3), model, view_of(model, loss=0.005, approach=Approach.STATIC))
    expected = [Probe("output_mse", trial.plan, trial.plan.quantized, batches=3) for trial in view.trials[:2]]
    assert [probe.probe for probe in view.probes] == expected


def test_for_the_best_model_operators_become_integers_again_the_least_harmful_first():
    # layer1 (0.030) falls back, then layer2 (0.012): 0.013 are left of 0.015. layer2's own error is the smaller one, but layer1 alone in
    # float was tried before; layer2 alone in float leaves 0.043.
    model = SimulatedModel.of([0.009, 0.03, 0.012, 0.004])
    view, stop = drive(make(), model, view_of(model, loss=0.015, approach=Approach.STATIC, first_success=False))
    assert fallbacks(view) == [[], ["layer1"], ["layer1", "layer2"], ["layer2"]]
    assert "no single operator can become an integer again" in stop.reason
    assert [probe.kind for probe in view.probes] == ["output_mse", "output_mse", "mse"]
