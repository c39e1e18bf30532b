"""Trials on a process pool: the same result, a worker that dies costs one trial, and functions that cannot travel are refused at once."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from inc_config import ExitPolicy, TuningConfig
from inc_config.errors import EvaluationError, IncError
from inc_metrics import Accuracy
from inc_orchestrate import Evaluation, FitResult, Pipeline, Progress, Quantize, Workers

JUDGE = """
import os, signal
from pathlib import Path

FLAG = Path(__file__).with_name("killed")

def quantized(proto):
    made_by = {output: node.op_type for node in proto.graph.node for output in node.output}
    heavy = [node for node in proto.graph.node if node.op_type in ("Conv", "Gemm")]
    return {node.name for node in heavy if "Dequantize" in made_by.get(node.input[1], "")}

def conv2_hurts(proto):
    return 0.5 if any("conv2d_1" in name for name in quantized(proto)) else 1.0

def kills_once(proto):
    if quantized(proto) and not FLAG.exists():
        FLAG.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return conv2_hurts(proto)

def kills_by_conv2(proto):
    if any("conv2d_1" in name for name in quantized(proto)):
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0

def constant(model):
    return 1.0

def raises(proto):
    if quantized(proto):
        raise OSError("no such file")
    return 1.0
"""


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module that workers can import."""
    (tmp_path / "remote_judge.py").write_text(JUDGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    sys.modules.pop("remote_judge", None)
    import remote_judge

    yield remote_judge
    sys.modules.pop("remote_judge", None)


def pool() -> Executor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@pytest.fixture
def fit(onnx_path: Path, digits: Any) -> Callable[..., FitResult]:
    def run(evaluate: Any, *, make: Callable[[], Executor] = pool, **options: Any) -> FitResult:
        step = Quantize(tuning=TuningConfig(exit_policy=ExitPolicy(max_trials=8)), **options)
        workers, quiet = Workers(make=make, count=2), Progress(quiet=True)
        pipeline = Pipeline([step], calibrate=digits.calibration, evaluate=evaluate, workers=workers, benchmark=False, progress=quiet)
        return pipeline.fit(str(onnx_path))

    return run


def test_a_pool_finds_what_one_process_finds(fit: Callable[..., FitResult], judge: Any) -> None:
    result = fit(judge.conv2_hurts)
    assert result.is_feasible
    assert not any("conv2d_1" in name for name in judge.quantized(result.model))
    assert judge.quantized(result.model)
    assert all(trial.status == "complete" for trial in result.summary.trials)


def test_a_worker_that_dies_costs_one_trial_and_the_pool_is_made_anew(fit: Callable[..., FitResult], judge: Any) -> None:
    made: list[Executor] = []

    def make() -> Executor:
        made.append(pool())
        return made[-1]

    result = fit(judge.kills_once, make=make)
    assert result.is_feasible
    assert len(made) == 2
    assert "lost" in [trial.status for trial in result.summary.trials]


def test_a_plan_that_always_kills_its_worker_is_given_up_and_the_others_are_not(fit: Callable[..., FitResult], judge: Any) -> None:
    result = fit(judge.kills_by_conv2, exclude=".*(linear|gemm|Gemm).*")
    assert result.is_feasible
    assert not any("conv2d_1" in name for name in judge.quantized(result.model))


def test_an_evaluation_that_raises_on_a_worker_fails_its_trial(fit: Callable[..., FitResult], judge: Any) -> None:
    with pytest.raises(EvaluationError, match=r"All \d trials failed: OSError: no such file"):
        fit(judge.raises)


def test_any_executor_will_do(fit: Callable[..., FitResult], judge: Any) -> None:
    assert fit(judge.conv2_hurts, make=lambda: ThreadPoolExecutor(2)).is_feasible


def test_functions_that_cannot_travel_are_refused_before_the_first_trial(fit: Callable[..., FitResult], digits: Any) -> None:
    def inner(proto: Any) -> float:
        return 1.0

    for evaluate in (lambda proto: 1.0, inner):
        with pytest.raises(EvaluationError, match="Workers cannot import") as caught:
            fit(evaluate, make=_never)
        assert "judge.py" in (caught.value.fix or "")
    with pytest.raises(EvaluationError, match="holds data of this process"):
        fit(Evaluation(digits.evaluation, Accuracy()), make=_never)


def test_a_model_that_needs_its_class_is_refused_before_the_first_trial(model: Any, digits: Any, judge: Any) -> None:
    workers = Workers(make=_never, count=2)
    pipeline = Pipeline([Quantize()], calibrate=digits.calibration, evaluate=judge.constant, workers=workers, progress=False)
    with pytest.raises(IncError):
        pipeline.fit(model)


def _never() -> Executor:
    raise AssertionError("no executor is needed")
