import attrs
from inc_config.frozen import FrozenMap
from inc_config.quantization import Approach
from inc_strategy import Probe, ProbeResult
from inc_strategy.strategies.latency_guided import LatencyGuided, make
from inc_strategy.testing import SimulatedModel, StrategyConformance, drive, view_of


class TestConformance(StrategyConformance):
    def make(self) -> LatencyGuided:
        return make()


def model_of(losses, gains_s):
    model = SimulatedModel.of(losses)
    return attrs.evolve(model, gains_s=FrozenMap(dict(zip(model.losses, gains_s, strict=True))))


def in_float(view):
    return {op.scope for op in view.quantizable if op not in view.best_feasible.plan.quantized}


def run(model, **options):
    return drive(make(), model, view_of(model, approach=Approach.STATIC, **options))


def test_operators_that_are_slower_in_integers_stay_in_float_though_the_criterion_holds():
    view, stop = run(model_of([0.0] * 4, [0.002, -0.001, 0.003, -0.0005]))
    assert in_float(view) == {"layer1", "layer3"}
    assert len(view.trials) == 1
    assert "every operator that is faster in integers" in stop.reason


def test_error_per_second_gained_decides_who_goes_back():
    # 0.02 + 0.02 + 0.001 against 0.025: one of the first two must go. Both err alike, layer1 gains a hundredth of layer0's time.
    view, _ = run(model_of([0.02, 0.02, 0.001], [0.01, 0.0001, 0.01]), loss=0.025)
    assert in_float(view) == {"layer1"}


def test_operators_that_the_time_was_too_short_for_are_quantized():
    def half(_, result):
        if isinstance(result, ProbeResult) and result.kind == "latency":
            return attrs.evolve(result, scores=FrozenMap(list(result.scores.items())[:2]))
        return result

    model = model_of([0.0] * 4, [-0.001] * 4)
    view, _ = drive(make(), model, view_of(model, approach=Approach.STATIC), outcome=half)
    assert in_float(view) == {"layer0", "layer1"}


def test_a_model_that_gains_nowhere_is_quantized_for_size_and_that_is_said():
    view, stop = run(model_of([0.0, 0.0], [-0.001, -0.002]))
    assert in_float(view) == set()
    assert "saves size only" in stop.reason


def test_the_budget_goes_to_the_probe():
    model = SimulatedModel.of([0.0, 0.0])
    view, _ = drive(make(budget_s=3.0), model, view_of(model, approach=Approach.STATIC))
    assert view.probes[0].probe == Probe("latency", view.default_plan, view.quantizable, batches=1, budget_s=3.0)


def test_where_nothing_gains_operators_that_break_the_model_still_go_back():
    view, _ = run(model_of([0.5, 0.0, 0.0], [-0.001] * 3), loss=0.1)
    assert view.best_feasible is not None
    assert in_float(view) == {"layer0"}


def test_where_all_that_is_faster_breaks_the_model_the_rest_saves_size():
    view, stop = run(model_of([0.5, 0.0, 0.0], [0.01, -0.001, -0.001]), loss=0.1)
    assert view.best_feasible is not None
    assert in_float(view) == {"layer0"}
    assert stop.reason == "1 of 3 operators must stay in float, no fewer were found"


def test_the_best_within_the_budget_is_looked_for_along_the_ranking():
    model = model_of([0.001, 0.002, 0.004, 0.003], [0.01] * 4)
    view = view_of(model, approach=Approach.STATIC, loss=0.1)
    view, stop = drive(make(), model, attrs.evolve(view, exit_policy=attrs.evolve(view.exit_policy, first_success=False)))
    assert [{op.scope for op in view.quantizable if op not in t.plan.quantized} for t in view.trials] == [
        set(),
        {"layer2"},
        {"layer2", "layer3"},
    ]
    assert "every operator that is faster in integers" in stop.reason
