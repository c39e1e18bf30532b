"""What a search is told to aim at and when to stop, written in YAML and carried out: objectives, criteria, budgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inc_config import compat, load
from inc_metrics import Accuracy
from inc_orchestrate import Evaluation, FitResult, Pipeline, Progress

BEST = "exit_policy: {max_trials: 4, first_success: false}"


@pytest.fixture
def run(onnx_path: Path, digits: Any) -> Any:
    def fit(tuning: str = "", step: str = "accuracy_loss: 0.5", evaluate: Any = None) -> FitResult:
        config = load(f"steps: [{{kind: quantize, {step}, tuning: {{strategy: basic{tuning and ', '}{tuning}}}}}]")
        judged = evaluate or Evaluation(digits.evaluation, Accuracy(), error_rate=None)
        progress = Progress(quiet=True)
        made = Pipeline.from_config(config, calibrate=digits.calibration, evaluate=judged, benchmark=False, progress=progress)
        result = made.fit(str(onnx_path))
        assert not any("no effect" in note for note in progress.notes)
        return result

    return fit


def chosen(result: FitResult) -> Any:
    return next(trial for trial in result.summary.trials if trial.index == result.outcome.best.index)


@pytest.mark.parametrize(("kind", "of"), [("accuracy", "accuracy"), ("size", "size_bytes")])
def test_the_objective_decides_among_the_models_inside(run: Any, kind: str, of: str) -> None:
    result = run(f"{BEST}, objectives: [{{kind: {kind}}}]")
    values = [getattr(trial, of) for trial in result.summary.trials]
    assert len(values) == 4
    assert getattr(chosen(result), of) == (max(values) if kind == "accuracy" else min(values))


@pytest.mark.parametrize(("kind", "of"), [("latency", "latency_s"), ("memory", "memory_bytes")])
def test_what_only_a_run_tells_is_measured_where_it_is_the_objective(run: Any, kind: str, of: str) -> None:
    result = run(f"{BEST}, objectives: [{{kind: {kind}}}]")
    values = [trial.measurement for trial in result.outcome.frontier]
    assert all(getattr(measured, of) is not None for measured in values)


def test_a_direction_turns_an_objective_round(run: Any) -> None:
    result = run(f"{BEST}, objectives: [{{kind: size, higher_is_better: true}}]")
    assert chosen(result).size_bytes == max(trial.size_bytes for trial in result.summary.trials)


def test_weights_decide_between_objectives(run: Any) -> None:
    aims = "objectives: [{kind: size, weight: %s}, {kind: size, weight: %s, higher_is_better: true}]"
    small, large = (chosen(run(f"{BEST}, {aims % weights}")).size_bytes for weights in ((0.9, 0.1), (0.1, 0.9)))
    assert small < large


@pytest.mark.parametrize(
    ("loss", "is_met"),
    [
        ("accuracy_loss: 0.6", True),
        ("accuracy_loss: 0.6, loss_kind: absolute", True),
        ("accuracy_loss: 0.3", False),
        ("accuracy_loss: 0.45, loss_kind: absolute", False),
    ],
)
def test_relative_and_absolute_losses(run: Any, loss: str, is_met: bool) -> None:
    """The original gets 0.9, any other model 0.4: half a point or 56 % is lost."""
    first: list[int] = []

    def evaluate(model: Any) -> float:
        first.append(1)
        return 0.9 if len(first) == 1 else 0.4

    assert run("exit_policy: {max_trials: 1}", loss, evaluate).is_feasible is is_met


def test_trials_and_time_are_budgets(run: Any) -> None:
    def nothing_is_enough(model: Any) -> float:
        return 1.0 if model.producer_name and not any("quantize" in node.name for node in model.graph.node) else 0.1

    assert len(run("exit_policy: {max_trials: 3}", "accuracy_loss: 0.01", nothing_is_enough).summary.trials) == 3
    assert "time limit" in run("exit_policy: {timeout_s: 0.001}", "accuracy_loss: 0.01", nothing_is_enough).outcome.reason


def test_performance_only_of_a_1x_file_is_one_trial_whatever_its_accuracy(onnx_path: Path, digits: Any, tmp_path: Path) -> None:
    path = tmp_path / "conf.yaml"
    path.write_text(
        "model: {name: digits, framework: onnxrt_qlinearops}\ntuning: {exit_policy: {performance_only: true}}\n", encoding="utf-8"
    )
    translation = compat.translate(compat.load_v1(path))
    made = Pipeline.from_config(translation, calibrate=digits.calibration, benchmark=False, progress=False)
    assert len(made.fit(str(onnx_path)).summary.trials) == 1


def test_objectives_of_a_1x_file_keep_weights_and_directions(tmp_path: Path) -> None:
    path = tmp_path / "conf.yaml"
    path.write_text(
        "model: {name: digits, framework: onnxrt_qlinearops}\n"
        "tuning: {multi_objectives: {objective: [performance, modelsize], higher_is_better: [false, true], weight: [0.7, 0.3]}}\n",
        encoding="utf-8",
    )
    (step,) = compat.translate(compat.load_v1(path)).config.steps
    assert [(aim.kind.value, aim.weight, aim.higher_is_better) for aim in step.tuning.objectives] == [
        ("latency", 0.7, False),
        ("size", 0.3, True),
    ]
    Pipeline.from_config(step, progress=False)  # nothing of it is refused
