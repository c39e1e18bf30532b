from inc_config.dtypes import BF16
from inc_config.plan import OpPlan
from inc_config.tuning import Objective
from inc_strategy import Measurement, Trial
from inc_strategy.objective import best, weighted_costs
from inc_strategy.testing import SimulatedModel, view_of

WHOLE = view_of(SimulatedModel.of([0.01, 0.02, 0.03])).default_plan


def trial(index, *, fallbacks=0, **measured):
    return Trial(index=index, plan=WHOLE.with_float(WHOLE.quantized[:fallbacks]), measurement=Measurement(**measured))


def pick(trials, *objectives, higher_is_better=True):
    return best(trials, objectives, higher_is_better=higher_is_better).index


def test_each_objective_picks_its_best():
    trials = [
        trial(0, accuracy=0.7, latency_s=0.010, size_bytes=300, memory_bytes=7),
        trial(1, accuracy=0.8, latency_s=0.020, size_bytes=200, memory_bytes=8),
        trial(2, accuracy=0.6, latency_s=0.030, size_bytes=400, memory_bytes=6),
    ]
    picked = [pick(trials, Objective(kind=kind)) for kind in ("latency", "accuracy", "size", "memory")]
    assert picked == [0, 1, 1, 2]
    assert pick(trials, Objective(kind="accuracy"), higher_is_better=False) == 2


def test_weights_decide_between_scaled_objectives():
    # Latency scales to 0, 1 and size to 1, 0: the heavier weight wins.
    trials = [trial(0, latency_s=0.001, size_bytes=10**9), trial(1, latency_s=0.002, size_bytes=1)]
    latency, size = Objective(kind="latency", weight=2.0), Objective(kind="size", weight=3.0)
    assert weighted_costs(trials, (latency, size), higher_is_better=True) == [3.0, 2.0]
    assert pick(trials, latency, size) == 1
    assert pick(trials, Objective(kind="latency", weight=4.0), size) == 0


def test_a_quantity_that_was_not_measured_counts_as_the_worst():
    assert pick([trial(0), trial(1, latency_s=5.0)], Objective(kind="latency")) == 1


def test_latencies_that_another_measurement_might_turn_round_are_equal():
    latency = Objective(kind="latency")
    assert pick([trial(0, fallbacks=2, latency_s=1.00), trial(1, latency_s=1.02)], latency) == 1
    assert pick([trial(0, fallbacks=2, latency_s=1.00), trial(1, latency_s=1.04)], latency) == 0
    # Sizes are known to the byte.
    assert pick([trial(0, fallbacks=2, size_bytes=1000), trial(1, size_bytes=1001)], Objective(kind="size")) == 0


def test_among_equals_more_quantized_operators_then_accuracy_then_order_decide():
    latency = Objective(kind="latency")
    assert pick([trial(0, fallbacks=1, accuracy=0.9), trial(1, accuracy=0.8)], latency) == 1
    assert pick([trial(0, accuracy=0.8), trial(1, accuracy=0.9)], latency) == 1
    assert pick([trial(0, accuracy=0.9), trial(1, accuracy=0.9)], latency) == 0
    assert pick([trial(0), trial(1, accuracy=0.1)], latency) == 1


def test_of_no_trials_there_is_no_best():
    assert best([], (Objective(),), higher_is_better=True) is None
    assert best([Trial(index=3, plan=WHOLE)], (Objective(),), higher_is_better=True).index == 3


def test_an_objective_may_have_a_direction_of_its_own():
    trials = [trial(0, accuracy=0.7, latency_s=0.01, size_bytes=5), trial(1, accuracy=0.8, latency_s=0.02, size_bytes=9)]
    assert pick(trials, Objective(kind="size", higher_is_better=True)) == 1
    assert pick(trials, Objective(kind="accuracy", higher_is_better=False)) == 0
    assert pick(trials, Objective(kind="latency", higher_is_better=False)) == 0
    # An unmeasured quantity stays the worst in either direction.
    assert pick([trial(0), trial(1, size_bytes=9)], Objective(kind="size", higher_is_better=True)) == 1


def test_among_equals_fewer_operators_in_fp32_win():
    in_bf16 = WHOLE.with_ops(dict.fromkeys(WHOLE.quantized, OpPlan(compute_dtype=BF16)))
    trials = [Trial(index=0, plan=WHOLE.with_float(WHOLE.quantized)), Trial(index=1, plan=in_bf16)]
    assert pick(trials, Objective()) == 1
