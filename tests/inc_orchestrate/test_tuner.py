"""The tuning loop on a real ONNX model: fallbacks, failures, limits, and going on after an interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnxruntime
import pytest
from inc_config import ExitPolicy, Objective, TuningConfig
from inc_config.errors import EvaluationError, LedgerError, PlanError
from inc_config.named import Named
from inc_metrics import Accuracy
from inc_orchestrate import Evaluation, FitResult, Pipeline, Progress, Quantize, load
from inc_strategy import TrialStatus


def accuracy(proto: Any, batches: list[Any]) -> float:
    """Independent of our adaptors."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    right = [session.run(None, {name: x.numpy()})[0].argmax(1) == y.numpy() for x, y in batches]
    return float(np.concatenate(right).mean())


def is_quantized(proto: Any) -> bool:
    return any("Quantize" in node.op_type or "QLinear" in node.op_type or "Integer" in node.op_type for node in proto.graph.node)


@pytest.fixture
def fit(onnx_path: Path, digits: Any) -> Callable[..., FitResult]:
    def run(quantize: Quantize | None = None, **options: Any) -> FitResult:
        given: dict[str, Any] = {"calibrate": digits.calibration, "benchmark": False, "progress": Progress(quiet=True)}
        given["evaluate"] = Evaluation(digits.evaluation, Accuracy())
        return Pipeline([quantize or Quantize(accuracy_loss=0.03)], **(given | options)).fit(str(onnx_path))

    return run


def tuning(**policy: Any) -> TuningConfig:
    return TuningConfig(strategy=Named("basic"), exit_policy=ExitPolicy(**policy))


def test_the_first_model_that_holds_the_criterion_is_delivered(fit: Callable[..., FitResult], digits: Any, tmp_path: Path) -> None:
    result = fit()
    assert result.is_feasible
    assert result.summary.by_precision["int8"] >= 3
    assert result.summary.accuracy.final == pytest.approx(accuracy(result.model, digits.evaluation))
    assert result.outcome is not None
    assert result.outcome.reason == "every operator is in integers and the criterion is met"
    folder = result.save(tmp_path / "saved")
    assert load(folder).SerializeToString() == result.model.SerializeToString()


def test_operators_that_hurt_go_back_to_float(fit: Callable[..., FitResult]) -> None:
    """An evaluation that punishes int8 in the second convolution, as a fragile layer would."""

    def punishes_conv2(proto: Any) -> float:
        names = {name for node in proto.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
        return (
            0.5 if any(node.op_type == "Conv" and "conv2d_1" in node.name and node.input[1] in names for node in proto.graph.node) else 1.0
        )

    result = fit(Quantize(accuracy_loss=0.01), evaluate=punishes_conv2)
    assert result.is_feasible
    conv2 = next(row for row in result.summary.operators if "conv2d_1" in row.op)
    assert conv2.precision == "fp32"
    assert conv2.reason.startswith("fallback")
    assert result.summary.by_precision["int8"] >= 1
    assert len(result.summary.trials) > 1
    assert result.summary.trials[-1].fallback == (conv2.op,)


def test_a_criterion_that_nothing_meets_still_ends_with_a_model_and_advice(fit: Callable[..., FitResult]) -> None:
    def worse_when_quantized(proto: Any) -> float:
        return 0.5 if is_quantized(proto) else 1.0

    result = fit(Quantize(accuracy_loss=0.01, tuning=tuning(max_trials=3)), evaluate=worse_when_quantized)
    assert not result.is_feasible
    assert len(result.summary.trials) == 3
    assert result.outcome is not None
    assert result.outcome.best is not None
    assert result.summary.suggestions
    assert "NOT met" in str(result)


def test_lower_is_better_by_configuration_or_by_metric(fit: Callable[..., FitResult]) -> None:
    def error_rate(proto: Any) -> float:
        return 0.2 if is_quantized(proto) else 0.1

    assert not fit(Quantize(accuracy_loss=0.5, higher_is_better=False, tuning=tuning(max_trials=1)), evaluate=error_rate).is_feasible
    assert fit(Quantize(accuracy_loss=1.5, higher_is_better=False, tuning=tuning(max_trials=1)), evaluate=error_rate).is_feasible


def test_a_failed_trial_is_recorded_and_the_search_goes_on(fit: Callable[..., FitResult]) -> None:
    calls = []

    def fails_once(proto: Any) -> float:
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError("first trial")
        return 1.0

    result = fit(evaluate=fails_once)
    first, *others = result.summary.trials
    assert first.status == "failed"
    assert "MemoryError: first trial" in (first.error or "")
    assert others[-1].is_feasible
    assert result.is_feasible


def test_when_every_trial_fails_the_reasons_are_told(fit: Callable[..., FitResult]) -> None:
    def fails_on_int8(proto: Any) -> float:
        if is_quantized(proto):
            raise RuntimeError("no int8 here")
        return 1.0

    with pytest.raises(EvaluationError, match="All 5 trials failed: EvaluationError: The evaluation raised RuntimeError: no int8 here"):
        fit(Quantize(tuning=tuning()), evaluate=fails_on_int8)


def test_operators_that_compute_on_integers_only_beside_others_are_no_quantized_model(fit: Callable[..., FitResult]) -> None:
    """Pooling, Add and Flatten compute on codes only between operators that do."""
    with pytest.raises(PlanError, match=r"Nothing computes on integers: .* do so only beside others"):
        fit(Quantize(exclude_types=["Conv", "Gemm"], accuracy_loss=0.2))


@pytest.mark.parametrize("strategy", ["conservative", "sensitivity_first", "mse_v2"])
def test_the_original_under_a_plan_of_companions_only_is_no_success(strategy: str, fit: Callable[..., FitResult]) -> None:
    """With all weights in float, pooling and Flatten have nobody to compute on integers with: that is the original, accurate as it is."""

    def worse_when_quantized(proto: Any) -> float:
        return 0.5 if is_quantized(proto) else 1.0

    result = fit(Quantize(accuracy_loss=0.01, tuning=TuningConfig(strategy=Named(strategy))), evaluate=worse_when_quantized)
    assert not result.is_feasible
    assert is_quantized(result.model)
    in_float = [trial for trial in result.summary.trials if trial.quantized == 0]
    assert in_float
    assert {trial.accuracy for trial in in_float} == {1.0}
    assert not any(trial.is_feasible or trial.on_frontier for trial in in_float)


def test_a_resumed_search_that_finds_nothing_more_to_try_says_so(fit: Callable[..., FitResult], tmp_path: Path) -> None:
    fit(workspace=tmp_path)
    assert any(note.startswith("no further trial: ") for note in fit(workspace=tmp_path).summary.notes)


def test_time_and_trials_are_limited(fit: Callable[..., FitResult]) -> None:
    def slow_and_bad(proto: Any) -> float:
        time.sleep(0.05)
        return 0.5 if is_quantized(proto) else 1.0

    result = fit(Quantize(tuning=tuning(timeout_s=0.12)), evaluate=slow_and_bad)
    assert "time limit" in result.summary.stop_reason
    assert len(result.summary.trials) <= 3


def test_all_trials_are_compared_by_latency_when_asked(fit: Callable[..., FitResult]) -> None:
    config = attrs.evolve(tuning(max_trials=3, first_success=False), objectives=[Objective(kind="latency")])
    result = fit(Quantize(accuracy_loss=0.5, tuning=config))
    assert len(result.summary.trials) == 3
    assert all(trial.latency_s for trial in result.summary.trials)
    assert result.outcome is not None
    assert result.outcome.best is not None


def test_dynamic_quantization_needs_no_statistics(fit: Callable[..., FitResult]) -> None:
    result = fit(Quantize(approach="dynamic", accuracy_loss=0.05))
    assert set(result.summary.by_precision) <= {"int8 dynamic", "fp32"}
    assert result.summary.by_precision["int8 dynamic"] >= 1
    fit(Quantize(approach="dynamic", accuracy_loss=0.05), calibrate=None)


@pytest.mark.parametrize("threshold", ["minmax", "percentile", "kl", "mse"])
def test_thresholds_are_the_users_choice(threshold: str, fit: Callable[..., FitResult]) -> None:
    result = fit(Quantize(activation_threshold=threshold, accuracy_loss=0.2))
    plan = result.handle.state.plan
    assert plan is not None
    used = {tensor.threshold.name for op in plan.quantized for tensor in plan.ops[op].inputs if tensor is not None}
    assert used == {threshold}


def test_excluded_operators_stay_in_float_and_excluding_all_is_an_error(fit: Callable[..., FitResult]) -> None:
    result = fit(Quantize(exclude_types=["Gemm"], accuracy_loss=0.2))
    assert all(row.precision == "fp32" and "excluded_by_user" in row.reason for row in result.summary.operators if row.type == "Gemm")
    with pytest.raises(PlanError, match="Nothing can be quantized for the target onnxruntime"):
        fit(Quantize(exclude=".*"))


def test_recipes_keep_the_first_and_last_in_float_and_others_are_said_to_do_nothing(fit: Callable[..., FitResult]) -> None:
    recipes = {"first_conv_or_matmul": False, "last_conv_or_matmul": False, "scale_propagation_max_pooling": False}
    result = fit(Quantize(recipes=recipes, accuracy_loss=0.2))
    heavy = [row for row in result.summary.operators if row.type in ("Conv", "Gemm")]
    assert [row.precision for row in heavy] == ["fp32", "int8", "int8", "fp32"]
    assert heavy[0].reason == "excluded_by_recipe: first_conv_or_matmul is False"
    assert "quantize: recipes.scale_propagation_max_pooling has no effect in this version" in result.summary.notes
    plan = result.handle.state.plan
    assert plan is not None
    assert dict(plan.recipes) == recipes


def test_an_evaluation_that_is_not_deterministic_is_measured_and_said(fit: Callable[..., FitResult]) -> None:
    values = iter([1.0, 0.995, 0.991])

    def drifting(proto: Any) -> float:
        return next(values)

    notes = fit(evaluate=drifting).summary.notes
    expected = "the evaluation is not deterministic: the delivered model got 0.995 and then 0.991; differences of 0.004 decide nothing"
    assert expected in notes


def test_an_evaluation_that_returns_nan_or_raises_on_one_trial_fails_that_trial_alone(fit: Callable[..., FitResult]) -> None:
    calls = 0

    def sometimes(proto: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            return float("nan")
        if calls == 4:
            raise OSError("no such file")
        return 0.5 if is_quantized(proto) else 1.0

    trials = fit(Quantize(tuning=tuning(max_trials=4)), evaluate=sometimes).summary.trials
    assert [trial.status for trial in trials] == ["complete", "failed", "failed", "complete"]
    assert "nan" in (trials[1].error or "")
    assert "OSError: no such file" in (trials[2].error or "")


class Interrupted:
    """Accuracy by a fixed score; Ctrl-C in the evaluations of these numbers."""

    def __init__(self, *at: int) -> None:
        self.at = at
        self.calls = 0

    def __call__(self, proto: Any) -> float:
        self.calls += 1
        if self.calls in self.at:
            raise KeyboardInterrupt
        return 0.5 if is_quantized(proto) else 1.0


def test_ctrl_c_delivers_what_there_is_and_the_same_run_again_goes_on(fit: Callable[..., FitResult], tmp_path: Path) -> None:
    config = Quantize(accuracy_loss=0.01, tuning=tuning(max_trials=4))
    # Evaluations: the original, then one per trial, of which the third is interrupted, and the delivered model.
    stopped = Interrupted(4)
    result = fit(config, evaluate=stopped, workspace=tmp_path)
    assert stopped.calls == 1 + 3 + 1
    assert [trial.status for trial in result.summary.trials] == ["complete", "complete", "lost"]
    assert result.summary.trials[-1].error == result.summary.stop_reason == "it was interrupted"
    assert f"the search was interrupted: finished trials are in {tmp_path}/ledger; run the same again to resume" in result.summary.notes
    assert is_quantized(result.model)
    again = Interrupted()
    result = fit(config, evaluate=again, workspace=tmp_path)
    # The original, three more trials (the lost one does not count), and the delivered model.
    assert again.calls == 1 + 2 + 1
    assert [trial.status for trial in result.summary.trials].count("lost") == 1
    complete = [trial for trial in result.summary.trials if trial.status == TrialStatus.COMPLETE.value]
    assert len(complete) == 4


@pytest.mark.parametrize("strategy", ["basic", "sensitivity_first"])
def test_a_budget_that_is_over_at_once_still_gives_a_model(fit: Callable[..., FitResult], strategy: str) -> None:
    search = TuningConfig(strategy=Named(strategy), exit_policy=ExitPolicy(timeout_s=1e-9))
    result = fit(Quantize(tuning=search), evaluate=lambda proto: 0.5 if is_quantized(proto) else 1.0)
    assert [trial.status for trial in result.summary.trials] == ["complete"]
    assert not result.is_feasible
    assert result.summary.stop_reason == "the time limit of 1e-09 s is used up"


@pytest.mark.parametrize(("up", "told"), [(True, "check labels and preprocessing"), (False, "use loss_kind='absolute'")])
def test_an_original_that_gets_nothing_right_is_said_before_trials(fit: Callable[..., FitResult], up: bool, told: str) -> None:
    notes = fit(Quantize(higher_is_better=up), evaluate=_nothing).summary.notes
    assert any("the original's _nothing is 0" in note and told in note for note in notes)
    notes = fit(Quantize(loss_kind="absolute"), evaluate=_nothing).summary.notes
    assert not any("is 0" in note for note in notes)


def _nothing(proto: Any) -> float:
    return 0.0


def test_a_second_ctrl_c_stops_at_once(fit: Callable[..., FitResult], tmp_path: Path) -> None:
    config = Quantize(accuracy_loss=0.01, tuning=tuning(max_trials=4))
    with pytest.raises(KeyboardInterrupt, match=f"finished trials are in {tmp_path}/ledger; run the same again to resume"):
        fit(config, evaluate=Interrupted(4, 5), workspace=tmp_path)
    again = Interrupted()
    fit(config, evaluate=again, workspace=tmp_path)
    assert again.calls == 1 + 2 + 1


def test_ctrl_c_before_the_first_trial_ended_stops_at_once(fit: Callable[..., FitResult], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt, match=f"finished trials are in {tmp_path}/ledger; run the same again to resume"):
        fit(evaluate=Interrupted(2), workspace=tmp_path)


def test_without_a_folder_ctrl_c_says_how_to_keep_trials(fit: Callable[..., FitResult]) -> None:
    with pytest.raises(KeyboardInterrupt, match=r"nothing was kept; give Pipeline\(workspace=folder\)"):
        fit(evaluate=Interrupted(2))


def test_a_ledger_of_another_run_is_refused(fit: Callable[..., FitResult], digits: Any, tmp_path: Path) -> None:
    fit(workspace=tmp_path)
    with pytest.raises(LedgerError, match=r"its configuration\.accuracy_loss differs\. \(.*: 0\.03 there, 0\.02 here\)"):
        fit(Quantize(accuracy_loss=0.02), workspace=tmp_path)
    with pytest.raises(LedgerError, match=r"configuration\.tuning\.seed: 0 there, 7 here"):
        fit(Quantize(accuracy_loss=0.03, tuning=TuningConfig(seed=7)), workspace=tmp_path)
    with pytest.raises(LedgerError, match="calibration data"):
        fit(calibrate=digits.calibration[:2], workspace=tmp_path)
    with pytest.raises(LedgerError, match="evaluation data"):
        fit(evaluate=Evaluation(digits.evaluation[:2], Accuracy()), workspace=tmp_path)


KILLED = """
import json, os, signal, sys
import numpy as np
from inc_config import ExitPolicy, TuningConfig
from inc_orchestrate import Pipeline, Progress, Quantize

model, workspace, kill_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
calls = 0

def evaluate(proto):
    global calls
    calls += 1
    if calls == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.5 if any("Quantize" in node.op_type for node in proto.graph.node) else 1.0

batches = [np.random.default_rng(i).random((20, 1, 16, 16), dtype=np.float32) for i in range(3)]
quantize = Quantize(accuracy_loss=0.01, tuning=TuningConfig(exit_policy=ExitPolicy(max_trials=4)))
pipeline = Pipeline([quantize], calibrate=batches, evaluate=evaluate, workspace=workspace, benchmark=False, progress=Progress(quiet=True))
result = pipeline.fit(model)
print(json.dumps({"calls": calls, "trials": [trial.status for trial in result.summary.trials]}))
"""


def test_after_kill_9_every_finished_trial_is_still_there(onnx_path: Path, tmp_path: Path) -> None:
    def run(kill_at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", KILLED, str(onnx_path), str(tmp_path / "work"), str(kill_at)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})

    assert run(4).returncode == -signal.SIGKILL
    resumed = run(0)
    assert resumed.returncode == 0, resumed.stderr
    found = json.loads(resumed.stdout)
    assert found["trials"].count("complete") == 4
    assert found["trials"].count("lost") == 1
    assert found["calls"] == 1 + 2 + 1


TWICE = """
import os, signal, sys
import numpy as np
from inc_config import ExitPolicy, TuningConfig
from inc_orchestrate import Pipeline, Progress, Quantize

signal.signal(signal.SIGINT, signal.default_int_handler)
model, workspace, calls = sys.argv[1], sys.argv[2], 0

def evaluate(proto):
    global calls
    calls += 1
    if calls == 3:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        finally:
            os.kill(os.getpid(), signal.SIGINT)  # again, while the first one unwinds
    return 0.5 if any("Quantize" in node.op_type for node in proto.graph.node) else 1.0

batches = [np.random.default_rng(i).random((20, 1, 16, 16), dtype=np.float32) for i in range(3)]
quantize = Quantize(accuracy_loss=0.01, tuning=TuningConfig(exit_policy=ExitPolicy(max_trials=3)))
pipeline = Pipeline([quantize], calibrate=batches, evaluate=evaluate, workspace=workspace, benchmark=False, progress=Progress(quiet=True))
print(",".join(trial.status for trial in pipeline.fit(model).summary.trials))
"""


def test_ctrl_c_twice_leaves_a_ledger_that_goes_on(onnx_path: Path, tmp_path: Path) -> None:
    def run(code: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, str(onnx_path), str(tmp_path / "work")]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})

    interrupted = run(TWICE)
    assert interrupted.returncode != 0
    assert "KeyboardInterrupt" in interrupted.stderr
    resumed = run(TWICE.replace("calls == 3", "calls == 1000"))
    assert resumed.returncode == 0, resumed.stderr
    assert sorted(resumed.stdout.strip().split(",")) == ["complete", "complete", "complete", "lost"]
