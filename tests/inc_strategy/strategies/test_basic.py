import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_config import plugins
from inc_config.dtypes import BF16
from inc_config.frozen import FrozenMap
from inc_config.named import Named
from inc_config.plan import FLOAT, OpId, OpPlan
from inc_config.quantization import Approach
from inc_strategy import Evaluate, Pending, Stop, TrialStatus, Wait, exit_reason
from inc_strategy.strategies.basic import Basic, make
from inc_strategy.testing import STATIC_INT8, SimulatedModel, StrategyConformance, drive, view_of, with_items

IN_BF16 = OpPlan(compute_dtype=BF16)


class TestConformance(StrategyConformance):
    def make(self) -> Basic:
        return make()


class TestConformanceWith16Bits(StrategyConformance):
    options = (STATIC_INT8, IN_BF16)

    def make(self) -> Basic:
        return make()


def scopes(ops):
    return [op.scope for op in ops]


def fallbacks(view, base):
    return [[op.scope for op in base.quantized if op not in t.plan.quantized] for t in view.trials]


def test_basic_is_found_by_name():
    assert isinstance(plugins.load("inc.strategies", "basic")(), Basic)


def test_the_first_plan_quantizes_everything_and_a_success_ends_the_search():
    model = SimulatedModel.of([0.001, 0.001])
    view, stop = drive(make(), model, view_of(model))
    assert [scopes(t.plan.quantized) for t in view.trials] == [["layer0", "layer1"]]
    assert stop == Stop("a model meets the criterion")


def test_operators_go_back_to_float_alone_from_the_last_backwards_then_together_by_measured_accuracy():
    # Losses 0.02, 0.05, 0.03 against an allowed 0.015: nothing feasible but layer1 and layer2 both in float leaves 0.02, still outside.
    model = SimulatedModel.of([0.02, 0.05, 0.03])
    view, stop = drive(make(), model, view_of(model, loss=0.015, approach=Approach.STATIC))
    # The first and the last product (layer0, layer2), then both, are the recipes' stage; alone they are fallbacks as well.
    assert fallbacks(view, view.default_plan) == [[], ["layer0"], ["layer2"], ["layer0", "layer2"], ["layer1"], ["layer1", "layer2"]]
    assert stop == Stop("every fallback was tried")


def test_the_culprit_is_found_with_one_operator_in_float():
    model = SimulatedModel.of([0.001, 0.001, 0.3, 0.001, 0.001])
    view, _ = drive(make(), model, view_of(model, approach=Approach.STATIC))
    assert fallbacks(with_items(view, view.best_feasible), view.default_plan) == [["layer2"]]


def dtypes(view):
    return [
        "".join({"int8": "i", "bf16": "b", "fp16": "h", "fp32": "f"}[str(p.compute_dtype)] for p in t.plan.ops.values())
        for t in view.trials
    ]


def test_what_lies_outside_of_the_products_goes_to_float_as_one_recipe():
    ops = [OpId(f"op{i}", 0, kind) for i, kind in enumerate(["Resize", "Conv", "Add", "Conv", "MatMul", "Sigmoid", "Concat"])]
    model = SimulatedModel(losses=FrozenMap(dict.fromkeys(ops, 0.1)))
    view, _ = drive(make(), model, view_of(model, STATIC_INT8, loss=0.0, approach=Approach.STATIC))
    assert fallbacks(view, view.default_plan)[:5] == [[], ["op1"], ["op4"], ["op0", "op5", "op6"], ["op0", "op1", "op4", "op5", "op6"]]
    assert fallbacks(view, view.default_plan)[5:7] == [["op6"], ["op5"]]


def test_operators_go_back_to_bf16_where_they_have_it_before_any_goes_to_fp32():
    # Every operator costs 0.1 on integers and in bf16 alike, so nothing ends the search; layer2 has no bf16.
    model = SimulatedModel.of([0.1, 0.1, 0.1])
    view = view_of(model, STATIC_INT8, IN_BF16, loss=0.0, approach=Approach.STATIC)
    ops = [attrs.evolve(op, options=(STATIC_INT8, FLOAT)) if op.op.scope == "layer2" else op for op in view.capabilities.ops]
    view, _ = drive(make(), model, attrs.evolve(view, capabilities=attrs.evolve(view.capabilities, ops=ops)))
    assert dtypes(view) == ["iii", "fii", "iif", "fif", "ibi", "bii", "bbi", "ifi", "iff"]


def test_an_operator_that_starts_in_bf16_can_go_back_to_fp32():
    model = SimulatedModel.of([0.001, 0.3, 0.001])
    view = view_of(model, STATIC_INT8, approach=Approach.STATIC)
    ops = [attrs.evolve(op, options=(IN_BF16, FLOAT)) if op.op.scope == "layer1" else op for op in view.capabilities.ops]
    view, _ = drive(make(), model, attrs.evolve(view, capabilities=attrs.evolve(view.capabilities, ops=ops)))
    assert dtypes(view)[0] == "ibi"
    assert dtypes(with_items(view, view.best_feasible)) == ["ifi"]


def smooth(*alphas, **more):
    return {"smooth_quant": {"alphas": alphas, "folding": True, **more}}


def test_every_alpha_of_smooth_quant_has_a_trial_and_fallbacks_go_on_from_the_best():
    model = SimulatedModel.of([0.05, 0.1])
    start = attrs.evolve(view_of(model, loss=0.0, approach=Approach.STATIC), recipes=smooth(0.3, 0.5, 0.7))

    def half_is_best(_, trial):
        better = trial.plan.recipes["smooth_quant"]["alphas"] == (0.5,)
        return attrs.evolve(trial, measurement=attrs.evolve(trial.measurement, accuracy=trial.measurement.accuracy + 0.01 * better))

    view, _ = drive(make(), model, start, outcome=half_is_best)
    alphas = [trial.plan.recipes["smooth_quant"]["alphas"] for trial in view.trials]
    assert alphas[:3] == [(0.3,), (0.5,), (0.7,)]
    assert set(alphas[3:]) == {(0.5,)}
    assert len(alphas) > 3, "the last alpha must not end the search, as it did in 2.x"


@pytest.mark.parametrize("recipes", [smooth(0.5), smooth(0.3, 0.5, search={"minimum": 0.0}), {}])
def test_one_alpha_or_a_search_for_it_is_one_trial(recipes):
    model = SimulatedModel.of([0.001, 0.001])
    view, _ = drive(make(), model, attrs.evolve(view_of(model), recipes=recipes))
    assert [trial.plan for trial in view.trials] == [view.default_plan]


def test_the_other_options_of_a_type_are_tried_last():
    per_tensor = attrs.evolve(STATIC_INT8, algorithm=Named("rtn"))
    model = SimulatedModel.of([0.1, 0.1])
    view, stop = drive(make(), model, view_of(model, STATIC_INT8, per_tensor, loss=0.0, approach=Approach.STATIC))
    used = [any(p == per_tensor for p in trial.plan.ops.values()) for trial in view.trials]
    assert used == [False] * 3 + [True] * 3  # the whole and each alone; then three more combinations of two options and two types
    assert stop == Stop("every fallback was tried")


def test_approach_auto_switches_to_dynamic_before_any_operator_goes_to_float():
    model = SimulatedModel.of([0.2, 0.2])
    view, _ = drive(make(), model, view_of(model, approach=Approach.AUTO))
    assert [all(p.is_dynamic for p in t.plan.ops.values()) for t in view.trials[:2]] == [False, True]


def test_fallbacks_start_from_the_better_of_static_and_dynamic():
    model = SimulatedModel.of([0.2, 0.1])

    def dynamic_is_better(_, trial):
        if all(p.is_dynamic for p in trial.plan.ops.values()):
            return attrs.evolve(trial, measurement=attrs.evolve(trial.measurement, accuracy=0.8))
        return trial

    view, _ = drive(make(), model, view_of(model), outcome=dynamic_is_better)
    assert all(p.is_dynamic for t in view.trials[2:] for p in t.plan.ops.values() if p.is_quantized)


@pytest.mark.parametrize(
    ("max_trials", "expected"),
    [
        # 1 default + 1 left: half the operators together.
        # 1 + 4: three runs (a quarter of the trials is kept for combining them), then the best two.
        (2, [[], ["layer3", "layer4", "layer5"]]),
        (5, [[], ["layer4", "layer5"], ["layer2", "layer3"], ["layer0", "layer1"], ["layer2", "layer3", "layer4", "layer5"]]),
    ],
)
def test_too_few_trials_for_single_operators_are_spent_on_runs_of_neighbours(max_trials, expected):
    model = SimulatedModel.of([0.1, 0.1, 0.2, 0.2, 0.3, 0.3])
    view, _ = drive(make(), model, view_of(model, max_trials=max_trials, approach=Approach.STATIC))
    assert fallbacks(view, view.default_plan) == expected


@given(losses=st.lists(st.floats(0.0, 0.3), min_size=2, max_size=9), max_trials=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_trials_are_never_left_over_while_the_criterion_is_missed(losses, max_trials):
    model = SimulatedModel.of(losses)
    view, stop = drive(make(), model, view_of(model, loss=0.0, max_trials=max_trials, approach=Approach.STATIC))
    everything = 1 + len(losses) + len(losses) - 2  # the whole, each alone, and each sum of two up to all but one
    if view.best_feasible is None:
        assert len(view.trials) >= min(everything, max_trials - 1)
        assert stop.reason == ("every fallback was tried" if len(view.trials) < max_trials else f"all {max_trials} trials are used up")


def test_a_feasible_combination_is_found_whenever_one_exists_with_enough_trials():
    # Additive losses: falling back in order of accuracy passes every prefix of the worst operators; 0.011 and 0.02 must both go.
    model = SimulatedModel.of([0.004, 0.011, 0.004, 0.02])
    view, _ = drive(make(), model, view_of(model, loss=0.01, approach=Approach.STATIC))
    assert fallbacks(with_items(view, view.best_feasible), view.default_plan) == [["layer1", "layer3"]]


def test_a_failed_default_plan_does_not_end_the_search():
    model = SimulatedModel.of([0.001, 0.001, 0.001])

    def only_whole_fails(_, trial):
        return attrs.evolve(trial, status=TrialStatus.FAILED, measurement=None) if len(trial.plan.quantized) == 3 else trial

    view, _ = drive(make(), model, view_of(model, approach=Approach.STATIC), outcome=only_whole_fails)
    assert len(view.best_feasible.plan.quantized) == 2


def test_a_lost_trial_is_tried_again_at_no_cost_until_it_was_lost_three_times():
    model = SimulatedModel.of([0.001, 0.001])
    view = view_of(model, max_trials=1)
    first = make().propose(view)
    lost = attrs.evolve(model.answer(Pending(index=0, action=first)), status=TrialStatus.LOST, measurement=None)
    assert make().propose(with_items(view, lost, attrs.evolve(lost, index=1))) == first
    thrice = [attrs.evolve(lost, index=index) for index in range(3)]
    assert make().propose(with_items(view, *thrice)) not in (first, Wait())


def test_the_search_waits_for_the_default_plan_and_for_the_last_trials():
    model = SimulatedModel.of([0.1, 0.1])
    view = view_of(model, max_trials=2, approach=Approach.STATIC)
    pending = Pending(index=0, action=make().propose(view))
    assert make().propose(with_items(view, pending)) == Wait()
    done = model.answer(pending)
    second = make().propose(with_items(view, done))
    assert isinstance(second, Evaluate)
    last = with_items(view, done, Pending(index=1, action=second))
    assert exit_reason(last) == "all 2 trials are used up"
    assert make().propose(last) == Wait()
