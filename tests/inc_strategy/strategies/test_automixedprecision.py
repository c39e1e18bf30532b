import attrs
from inc_config.dtypes import BF16, FP16
from inc_config.plan import FLOAT, OpPlan
from inc_strategy import Stop
from inc_strategy.strategies.automixedprecision import AutoMixedPrecision, make
from inc_strategy.testing import STATIC_INT8, SimulatedModel, StrategyConformance, drive, view_of

IN_BF16, IN_FP16 = OpPlan(compute_dtype=BF16), OpPlan(compute_dtype=FP16)


class TestConformance(StrategyConformance):
    options = (IN_BF16, IN_FP16)

    def make(self) -> AutoMixedPrecision:
        return make()


def letters(view):
    names = {IN_BF16: "b", IN_FP16: "h", FLOAT: "f"}
    return ["".join(names[plan] for plan in trial.plan.ops.values()) for trial in view.trials]


def test_all_in_bf16_then_all_in_fp16_then_types_then_single_operators():
    # MatMul (even) loses 0.1 each, Conv (odd) 0.05 each: fp16 is no better, so all go on from bf16.
    model = SimulatedModel.of([0.1, 0.05, 0.1, 0.05])
    view, stop = drive(make(), model, view_of(model, IN_BF16, IN_FP16, loss=0.0))
    assert letters(view)[:4] == ["bbbb", "hhhh", "fbfb", "bfbf"]
    # Together in the order of what came back: layer2 and layer0 (0.1 each) are the type MatMul, tried before; then layer3 (0.05) as well.
    assert letters(view)[4:] == ["bbbf", "bbfb", "bfbb", "fbbb", "fbff"]
    assert stop == Stop("every fallback was tried")


def test_integers_are_never_used():
    model = SimulatedModel.of([0.1, 0.1])
    view, _ = drive(make(), model, view_of(model, STATIC_INT8, IN_BF16))
    assert all(not trial.plan.quantized for trial in view.trials)


def test_without_options_of_16_bits_it_stops_with_the_reason():
    model = SimulatedModel.of([0.1])
    assert make().propose(view_of(model)) == Stop("no operator has an option in bf16 or fp16")


def test_a_type_that_breaks_the_model_goes_back_as_a_whole():
    model = SimulatedModel.of([0.1, 0.0, 0.1, 0.0])
    view, _ = drive(make(), model, attrs.evolve(view_of(model, IN_BF16)))
    assert letters(view) == ["bbbb", "fbfb"]


def test_each_operator_starts_in_its_own_best_type():
    # layer1 is listed with fp16 first: the first plan mixes both types, then each type alone is tried.
    model = SimulatedModel.of([0.1, 0.1, 0.1])
    view = view_of(model, IN_BF16, IN_FP16, loss=0.0)
    ops = [attrs.evolve(op, options=(IN_FP16, IN_BF16, FLOAT)) if op.op.scope == "layer1" else op for op in view.capabilities.ops]
    view, _ = drive(make(), model, attrs.evolve(view, capabilities=attrs.evolve(view.capabilities, ops=ops)))
    assert letters(view)[:3] == ["bhb", "bbb", "hhh"]


def test_few_trials_are_counted_over_all_stages():
    # 1 whole + 2 types (MatMul, Conv; together they are all) leave 4: three runs of two operators, then the best two runs together.
    model = SimulatedModel.of([0.1] * 6)
    view, _ = drive(make(), model, view_of(model, IN_BF16, loss=0.0, max_trials=7))
    assert letters(view) == ["bbbbbb", "fbfbfb", "bfbfbf", "bbbbff", "bbffbb", "ffbbbb", "bbffff"]
