import attrs
from inc_config.quantization import Approach
from inc_strategy import Probe, Stop
from inc_strategy.strategies.mse import Mse, make
from inc_strategy.testing import STATIC_INT8, SimulatedModel, StrategyConformance, drive, view_of


class TestConformance(StrategyConformance):
    def make(self) -> Mse:
        return make()


def fallbacks(view):
    return [[op.scope for op in view.quantizable if op not in t.plan.quantized] for t in view.trials]


def test_operators_go_back_alone_by_falling_error_then_together_by_the_accuracy_that_came_back():
    model = SimulatedModel.of([0.02, 0.05, 0.03])

    def accuracy_says_otherwise(_, result):
        """layer0 gives most accuracy back although its error is the smallest: the accuracies belong to their operators."""
        if not hasattr(result, "measurement"):
            return result
        names = [op.scope for op in view_start.quantizable if op not in result.plan.quantized]
        return attrs.evolve(result, measurement=attrs.evolve(result.measurement, accuracy=0.85 if names == ["layer0"] else 0.8))

    view_start = view_of(model, approach=Approach.STATIC)
    view, stop = drive(make(), model, view_start, outcome=accuracy_says_otherwise)
    assert fallbacks(view) == [[], ["layer1"], ["layer2"], ["layer0"], ["layer0", "layer1"]]
    assert stop == Stop("every fallback was tried")


def test_the_probe_reads_as_many_batches_as_asked():
    model = SimulatedModel.of([0.5, 0.5])
    view, _ = drive(make(batches=7), model, view_of(model, approach=Approach.STATIC))
    assert [probe.probe for probe in view.probes] == [Probe("mse", view.default_plan, view.quantizable, batches=7)]


def test_at_most_five_plans_by_operator_type_come_first():
    # Two types with three static options each: nine combinations, the default first, of which five are tried.
    options = [attrs.evolve(STATIC_INT8, weight=attrs.evolve(STATIC_INT8.weight, threshold=name)) for name in ("minmax", "kl", "mse")]
    model = SimulatedModel.of([0.5] * 6)
    view, _ = drive(make(), model, view_of(model, *options, approach=Approach.STATIC))
    wholes = [trial.plan for trial in view.trials if len(trial.plan.quantized) == 6]
    assert len(wholes) == 5
    assert wholes[0] == view.default_plan
    for plan in wholes:
        for kind in ("Conv", "MatMul"):
            assert len({option for op, option in plan.ops.items() if op.type == kind}) == 1
