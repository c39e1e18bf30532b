from inc_config.plan import FLOAT
from inc_config.quantization import Approach
from inc_strategy import Stop
from inc_strategy.strategies.exhaustive import Exhaustive, make
from inc_strategy.testing import DYNAMIC_INT8, STATIC_INT8, SimulatedModel, StrategyConformance, drive, view_of


class TestConformance(StrategyConformance):
    def make(self) -> Exhaustive:
        return make()


def test_every_combination_but_all_float_is_tried_in_odometer_order():
    model = SimulatedModel.of([0.5, 0.5])
    view, stop = drive(make(), model, view_of(model, approach=Approach.AUTO))
    names = {STATIC_INT8: "s", DYNAMIC_INT8: "d", FLOAT: "f"}
    tried = ["".join(names[plan] for plan in trial.plan.ops.values()) for trial in view.trials]
    assert tried == ["ss", "sd", "sf", "ds", "dd", "df", "fs", "fd"]
    assert stop == Stop("every combination was tried")


def test_spaces_too_large_to_list_are_walked_from_the_start():
    model = SimulatedModel.of([0.5] * 200)
    view, _ = drive(make(), model, view_of(model, max_trials=20))
    assert len({trial.plan.digest for trial in view.trials}) == 20
    assert all(trial.plan.ops[op] == STATIC_INT8 for trial in view.trials for op in view.quantizable[:190])
