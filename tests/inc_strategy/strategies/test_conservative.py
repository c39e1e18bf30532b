from inc_config.frozen import FrozenMap
from inc_config.plan import OpId
from inc_config.quantization import Approach
from inc_strategy import Stop
from inc_strategy.strategies.conservative import Conservative, make
from inc_strategy.testing import SimulatedModel, StrategyConformance, drive, view_of


class TestConformance(StrategyConformance):
    def make(self) -> Conservative:
        return make()


def model_of(**losses):
    """Operators ``type_number`` with their losses, in execution order."""
    named = {OpId(name, 0, name.partition("_")[0]): loss for name, loss in losses.items()}
    return SimulatedModel(losses=FrozenMap(named))


def quantized(view):
    return [{op.scope for op in trial.plan.quantized} for trial in view.trials]


def test_types_come_in_the_known_order_and_only_good_ones_are_kept():
    # Execution order is Softmax, Gemm, MatMul, Conv2d; the known order is conv, matmul, gemm; other types come last.
    model = model_of(Softmax_0=0.001, Gemm_0=0.0, MatMul_0=0.5, Conv2d_0=0.001, Conv2d_1=0.001)
    view, stop = drive(make(), model, view_of(model, approach=Approach.STATIC))
    convs = {"Conv2d_0", "Conv2d_1"}
    assert quantized(view) == [convs, {*convs, "MatMul_0"}, {*convs, "Gemm_0"}, {*convs, "Gemm_0", "Softmax_0"}]
    assert stop == Stop("every operator type was tried, Conv2d, Gemm, Softmax kept in integers")
    assert {op.scope for op in view.best_feasible.plan.quantized} == {*convs, "Gemm_0", "Softmax_0"}


def test_a_success_is_a_step_and_not_the_end():
    model = model_of(Conv_0=0.0, MatMul_0=0.0)
    view, _ = drive(make(), model, view_of(model, first_success=True))
    assert len(view.trials) == 2
