"""Trials on a process pool: the same result, a worker that dies costs one trial, and functions that cannot travel are refused at once."""

import copy
import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from inc_config import ExitPolicy, Objective, TuningConfig
from inc_config.errors import EvaluationError, IncError, ModelError, StoreError
from inc_config.named import Named
from inc_orchestrate import Evaluation, FitResult, LabelFree, Pipeline, Progress, Prune, Quantize, Workers, search
from inc_orchestrate.job import STOPPED

JUDGE = """
import os, signal, time
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

CALLS = []

def number(proto):
    CALLS.append(len(CALLS))
    return CALLS[-1]

def bad_at_seven(proto):
    at = number(proto)  # the original is 0, so trials count from 1
    if at == 7:
        raise OSError("no such file")
    return {5: float("nan"), 6: None}.get(at, 0.5 if quantized(proto) else 1.0)

def interrupts(proto):
    at = number(proto)
    if at == 3:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
    return 0.5 if quantized(proto) else 1.0

def interrupts_twice(proto):
    value = interrupts(proto)
    if CALLS[-1] == 4:
        raise KeyboardInterrupt
    return value

def always_half(proto):
    return 0.5 if quantized(proto) else 1.0

def slow(proto):
    time.sleep(0.2)
    return always_half(proto)

def noisy(proto):
    return 1.0 + 0.001 * number(proto)

def first_outputs(module):
    import torch
    with torch.no_grad():
        images = torch.linspace(0, 1, 2 * 256).reshape(2, 1, 16, 16)
        return float(module(images).double().abs().sum())

def other():
    from torch import nn
    return nn.Linear(2, 2)

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
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    sys.modules.pop("remote_judge", None)
    import remote_judge

    yield remote_judge
    sys.modules.pop("remote_judge", None)


def pool(count: int = 2) -> Executor:
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


@pytest.fixture
def fit(onnx_path: Path, digits: Any) -> Callable[..., FitResult]:
    def run(
        evaluate: Any, *, make: Callable[[], Executor] = pool, count: int = 2, folder: Path | None = None, exclude: str = "", **search: Any
    ) -> FitResult:
        step = Quantize(tuning=TuningConfig(**({"exit_policy": ExitPolicy(max_trials=8)} | search)), exclude=exclude or ())
        workers, quiet = Workers(make=make, count=count, folder=folder) if count else None, Progress(quiet=True)
        pipeline = Pipeline([step], calibrate=digits.calibration, evaluate=evaluate, workers=workers, benchmark=False, progress=quiet)
        return pipeline.fit(str(onnx_path))

    return run


def test_a_pool_finds_what_one_process_finds(fit: Callable[..., FitResult], judge: Any) -> None:
    result = fit(judge.conv2_hurts)
    assert result.is_feasible
    assert not any("conv2d_1" in name for name in judge.quantized(result.model))
    assert judge.quantized(result.model)
    assert all(trial.status == "complete" or trial.error == STOPPED for trial in result.summary.trials)


class Shuffling:
    """Batches of another order every time."""

    def __init__(self, batches: Any) -> None:
        self.batches, self.random = list(batches), np.random.default_rng(0)

    def __iter__(self) -> Iterator[Any]:
        return (self.batches[place] for place in self.random.permutation(len(self.batches)))


@pytest.mark.parametrize("given", ["labels", "other batches", "nothing"])
def test_metrics_and_targets_stay_here_and_judge_what_workers_models_answer(given: str, fit: Callable[..., FitResult], digits: Any) -> None:
    """The same values as in one process, with a postprocess that could not travel."""
    batches = list(digits.evaluation)
    evaluate = {
        "labels": Evaluation(Shuffling(batches), "accuracy", lambda outputs: outputs, error_rate=None),
        "other batches": LabelFree([inputs for inputs, _ in batches]),
        "nothing": None,
    }[given]
    policy = ExitPolicy(max_trials=4, first_success=False)
    search = {"strategy": Named("exhaustive"), "exit_policy": policy, "objectives": [Objective(kind="accuracy")]}
    here, there = (
        sorted((trial.fallback, trial.accuracy) for trial in fit(evaluate, count=count, **search).summary.trials) for count in (0, 2)
    )
    assert there == here
    assert len(here) == 4
    assert len({accuracy for _, accuracy in here}) > (given != "nothing")


def test_a_metric_that_raises_on_answers_fails_the_trial(fit: Callable[..., FitResult], digits: Any) -> None:
    calls = []

    def picky(predictions: Any, targets: Any) -> float:
        calls.append(len(predictions))
        if len(calls) == 2:
            raise ValueError("second model")
        return float((predictions.argmax(1) == targets).mean())

    trials = fit(
        Evaluation(digits.evaluation, picky), strategy=Named("basic"), exit_policy=ExitPolicy(max_trials=2), count=1
    ).summary.trials
    assert trials[0].status == "failed"
    assert "ValueError: second model" in trials[0].error
    assert trials[1].status == "complete"


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
        fit(judge.raises, strategy=Named("basic"))


def test_any_executor_will_do(fit: Callable[..., FitResult], judge: Any) -> None:
    assert fit(judge.conv2_hurts, make=lambda: ThreadPoolExecutor(2)).is_feasible


def test_evaluations_that_raise_or_give_no_number_fail_their_trials_and_the_run_goes_on(fit: Callable[..., FitResult], judge: Any) -> None:
    judge.CALLS.clear()
    trials = fit(judge.bad_at_seven, make=partial(ThreadPoolExecutor, 1), strategy=Named("basic"), count=1).summary.trials
    assert [trial.index + 1 for trial in trials if trial.status == "failed"] == [5, 6, 7]
    assert [trial.error for trial in trials if trial.status == "failed"] == [
        "EvaluationError: The evaluation returned nan.",
        "EvaluationError: The evaluation returned None instead of a number.",
        "OSError: no such file",
    ]
    assert trials[-1].index == 7
    assert trials[-1].status == "complete"


def test_an_evaluation_that_is_not_deterministic_is_measured_and_said(fit: Callable[..., FitResult], judge: Any) -> None:
    judge.CALLS.clear()
    notes = fit(judge.noisy, make=partial(ThreadPoolExecutor, 1), count=1).summary.notes
    assert any("the evaluation is not deterministic: the delivered model got 1.001 and then 1.002" in note for note in notes)


def test_ctrl_c_gives_up_what_is_under_way_on_workers_and_delivers_what_there_is(fit: Callable[..., FitResult], judge: Any) -> None:
    judge.CALLS.clear()
    with pytest.raises(KeyboardInterrupt, match="nothing was kept"):  # evaluation 4 is that of the delivered model
        fit(judge.interrupts_twice, make=partial(ThreadPoolExecutor, 1), strategy=Named("basic"), count=1)
    assert judge.CALLS == [0, 1, 2, 3, 4]
    judge.CALLS.clear()
    result = fit(judge.interrupts, make=partial(ThreadPoolExecutor, 1), strategy=Named("basic"), count=1)
    assert [trial.status for trial in result.summary.trials] == ["complete", "complete", "lost"]
    assert result.summary.stop_reason == "it was interrupted"


class Leaving(ThreadPoolExecutor):
    """Takes the check, two shards and three trials, and then no more: its workers have been taken away."""

    def __init__(self) -> None:
        super().__init__(1)
        self.sent = 0

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.sent += 1
        if self.sent > 6:
            raise ConnectionError("the client is closed")
        return super().submit(work, *args)


def test_an_executor_that_takes_no_more_work_ends_the_search_with_what_there_is(fit: Callable[..., FitResult], judge: Any) -> None:
    result = fit(judge.always_half, make=Leaving, strategy=Named("basic"), count=1)
    assert [trial.status for trial in result.summary.trials] == ["complete", "complete", "complete", "lost"]
    assert result.summary.stop_reason == "The executor takes no work: ConnectionError: the client is closed"


def test_a_wait_far_beyond_other_trials_is_said_once(
    onnx_path: Path, digits: Any, judge: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(search, "PATIENCE_S", 0.01)
    step = Quantize(tuning=TuningConfig(strategy=Named("basic"), exit_policy=ExitPolicy(max_trials=2)))
    workers = Workers(make=partial(ThreadPoolExecutor, 1), count=1)
    Pipeline([step], calibrate=digits.calibration, evaluate=judge.slow, workers=workers, benchmark=False).fit(str(onnx_path))
    assert capsys.readouterr().err.count("no trial has ended in 0 s") == 1


def test_latency_is_this_machines_wherever_trials_ran(fit: Callable[..., FitResult], judge: Any) -> None:
    policy = ExitPolicy(max_trials=3, first_success=False)
    result = fit(judge.constant, make=partial(ThreadPoolExecutor, 2), exit_policy=policy, strategy=Named("basic"))
    assert len(result.summary.trials) == 3
    assert all(trial.latency_s > 0.0 for trial in result.summary.trials if trial.status == "complete")


def test_functions_that_cannot_travel_are_refused_before_the_first_trial(fit: Callable[..., FitResult], digits: Any) -> None:
    def inner(proto: Any) -> float:
        return 1.0

    for evaluate in (lambda proto: 1.0, inner):
        with pytest.raises(EvaluationError, match="Workers cannot import") as caught:
            fit(evaluate, make=_never)
        assert "judge.py" in (caught.value.fix or "")


def test_a_model_that_needs_its_class_is_refused_before_any_work_with_the_fix(
    model: Any, digits: Any, judge: Any, training: Any, architecture: str
) -> None:
    def fit(given: Any) -> None:
        workers = Workers(make=_never, count=2, architecture=given)
        steps = [Prune(target_sparsity=0.5), Quantize()]
        Pipeline(
            steps, train=training(loop=_never), calibrate=digits.calibration, evaluate=judge.constant, workers=workers, progress=False
        ).fit(model)

    cases: dict[Any, tuple[type[IncError], str]] = {
        None: (ModelError, "Workers cannot rebuild the model: A saved PyTorch model holds no code"),
        "no_such_models:make": (EvaluationError, "'no_such_models' cannot be imported"),
        architecture.replace("make", "lost"): (EvaluationError, "is not a function"),
        architecture.replace("make", "Net.forward"): (ModelError, "raised TypeError"),
        "collections:OrderedDict": (ModelError, "A OrderedDict is not a PyTorch model"),
        "remote_judge:other": (ModelError, "The model is not the one that was saved: .*conv1"),
        (lambda: model): (EvaluationError, "Workers cannot import .*<lambda>"),
    }
    for given, (kind, fault) in cases.items():
        with pytest.raises(kind, match=fault) as caught:
            fit(given)
        assert "Workers(architecture=...)" in str(caught.value)
        assert "models:make" in caught.value.fix or "module:function" in caught.value.fix or "untrained" in caught.value.fix


def test_a_pruned_torch_model_is_tuned_on_workers_as_it_is_here(
    model: Any, digits: Any, judge: Any, training: Any, architecture: str
) -> None:
    def fit(workers: Workers | None) -> FitResult:
        steps = [Prune(target_sparsity=0.5, pattern="4x1"), Quantize(tuning=TuningConfig(exit_policy=ExitPolicy(max_trials=4)))]
        data = {"train": training(epochs=1), "calibrate": digits.calibration, "evaluate": judge.first_outputs}
        return Pipeline(steps, **data, workers=workers, benchmark=False, progress=False).fit(copy.deepcopy(model))

    module, _, name = architecture.partition(":")
    make = getattr(importlib.import_module(module), name)
    here, there = fit(None), fit(Workers(make=partial(pool, 1), count=1, architecture=make))
    # The evaluation is a number of the outputs' bits: equal values on both sides mean models that are equal to the bit.
    values = [[trial.accuracy for trial in result.summary.trials if trial.status == "complete"] for result in (here, there)]
    assert values[0] == values[1] != []
    assert [stage.sparsity for stage in here.summary.stages] == [stage.sparsity for stage in there.summary.stages]
    assert here.handle.state.masks.keys() == there.handle.state.masks.keys() != set()
    x = digits.evaluation[0][0]
    assert torch.equal(here.model(x), there.model(x))


def test_workers_that_are_not_ready_say_so_before_the_first_trial(fit: Callable[..., FitResult], judge: Any, tmp_path: Path) -> None:
    def elsewhere() -> Executor:
        (tmp_path / "remote_judge.py").unlink()
        return pool(1)

    with pytest.raises(EvaluationError, match=r"A worker is not ready: .*'remote_judge' cannot be imported") as caught:
        fit(judge.constant, make=elsewhere)
    assert "PYTHONPATH" in caught.value.fix
    with pytest.raises(EvaluationError, match="The first worker ended before it answered: BrokenProcessPool") as caught:
        fit(judge.constant, make=lambda: ProcessPoolExecutor(1, initializer=_raises))
    assert "__main__" in caught.value.fix
    closed = ThreadPoolExecutor(1)
    closed.shutdown()
    with pytest.raises(EvaluationError, match="The executor takes no work: RuntimeError"):
        fit(judge.constant, make=lambda: closed)


def test_a_folder_that_is_not_there_is_refused_before_any_work(fit: Callable[..., FitResult], judge: Any, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such folder"):
        fit(judge.constant, make=_never, folder=tmp_path / "lost")


def _raises() -> None:
    raise OSError("no licence")


def _never(*_: Any) -> Executor:
    raise AssertionError("no executor is needed")
