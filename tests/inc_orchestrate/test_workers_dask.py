"""Trials and calibration on Dask: a scheduler and two worker processes on this machine, through ``client.get_executor``."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed
import pytest
from inc_config import ExitPolicy, TuningConfig
from inc_config.errors import EvaluationError
from inc_config.named import Named
from inc_config.tuning import Objective
from inc_orchestrate import FitResult, Pipeline, Progress, Quantize, Workers
from inc_orchestrate.job import DIED, STOPPED

JUDGE = """
import os, signal, zlib
from pathlib import Path
import numpy as np
import onnxruntime
from inc_orchestrate import job

FLAG = Path(__file__).with_name("killed")
RUNS = Path(__file__).with_name("runs")

def quantized(proto):
    made_by = {output: node.op_type for node in proto.graph.node for output in node.output}
    heavy = [node for node in proto.graph.node if node.op_type in ("Conv", "Gemm")]
    return {node.name for node in heavy if "Dequantize" in made_by.get(node.input[1], "")}

def conv2_hurts(proto):
    return 0.5 if any("conv2d_1" in name for name in quantized(proto)) else 1.0

def dies_in_a_shard(name, payload):
    mark = Path(payload["folder"]) / "started" / payload["token"]
    if payload["token"] == "pass-0-shard-0-1" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return getattr(job, name)(payload)

def kills_once(proto):
    with RUNS.open("a") as runs:
        runs.write(f"{os.getpid()}\\n")
    if quantized(proto) and not FLAG.exists():
        FLAG.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return conv2_hurts(proto)

def bits(proto):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.linspace(0, 1, 8 * 256, dtype=np.float32).reshape(8, 1, 16, 16)
    return 1.0 + zlib.crc32(session.run(None, {session.get_inputs()[0].name: images})[0].tobytes()) / 2**32
"""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A module that workers can import: Dask starts them with this process's path."""
    folder = tmp_path_factory.mktemp("judge")
    (folder / "dask_judge.py").write_text(JUDGE)
    sys.path.insert(0, str(folder))
    import dask_judge

    yield dask_judge
    sys.path.remove(str(folder))
    del sys.modules["dask_judge"]


@pytest.fixture(scope="module")
def client(judge: Any) -> Iterator[Any]:
    """Two worker processes of one thread, which a nanny starts again when they die."""
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def fit(onnx_path: Path, digits: Any) -> Callable[..., FitResult]:
    def run(evaluate: Any, workers: Workers | None, **search: Any) -> FitResult:
        tuning = TuningConfig(**({"strategy": Named("basic"), "exit_policy": ExitPolicy(max_trials=8)} | search))
        step, quiet = Quantize(tuning=tuning), Progress(quiet=True)
        pipeline = Pipeline([step], calibrate=digits.calibration, evaluate=evaluate, workers=workers, benchmark=False, progress=quiet)
        return pipeline.fit(str(onnx_path))

    return run


def assert_idle(client: Any) -> None:
    """Nothing is left running, or kept, within ten seconds."""
    deadline = time.monotonic() + 10.0
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks)) == []
    assert not any(client.processing().values())


SAME_PLANS = {
    "strategy": Named("exhaustive"),
    "objectives": [Objective(kind="accuracy")],
    "exit_policy": ExitPolicy(max_trials=6, first_success=False),
}
"""A search whose plans do not depend on the order in which trials end."""


def test_dask_finds_what_one_process_finds_to_the_bit(fit: Callable[..., FitResult], judge: Any, client: Any) -> None:
    here = fit(judge.bits, None, **SAME_PLANS)
    there = fit(judge.bits, Workers(make=client.get_executor, count=2), **SAME_PLANS)
    values = [[(trial.status, trial.accuracy) for trial in result.summary.trials] for result in (here, there)]
    assert values[0] == values[1]
    assert len(set(values[0])) == 6
    assert judge.bits(there.model) == judge.bits(here.model) == max(accuracy for _, accuracy in values[0])
    assert not [note for note in there.summary.notes if "calibration" in note]
    assert_idle(client)


def test_dask_meets_the_criterion(fit: Callable[..., FitResult], judge: Any, client: Any) -> None:
    result = fit(judge.conv2_hurts, Workers(make=client.get_executor, count=2))
    assert result.is_feasible
    assert judge.quantized(result.model)
    assert all(trial.status == "complete" or trial.error == STOPPED for trial in result.summary.trials)
    assert_idle(client)


def test_a_worker_that_is_killed_costs_exactly_one_trial_and_dask_does_not_repeat_it(
    fit: Callable[..., FitResult], judge: Any, client: Any
) -> None:
    result = fit(judge.kills_once, Workers(make=client.get_executor, count=2))
    assert result.is_feasible
    begun = [trial for trial in result.summary.trials if trial.error != STOPPED]
    assert sorted(trial.status for trial in begun) == ["complete"] * (len(begun) - 1) + ["lost"]
    assert [trial.error for trial in begun if trial.status == "lost"] == [DIED]
    # Each was evaluated once, the lost one included; the original and the delivered model in this process.
    assert len(judge.RUNS.read_text().splitlines()) == len(begun) + 2
    client.wait_for_workers(2)
    assert_idle(client)


def test_a_worker_that_is_killed_in_the_calibration_costs_one_shard(fit: Callable[..., FitResult], judge: Any, client: Any) -> None:
    sent: list[str] = []

    def make() -> Any:
        executor = client.get_executor()
        send = executor.submit

        def submit(work: Any, payload: Any) -> Any:
            sent.append(payload["token"])
            return send(judge.dies_in_a_shard, work.__name__, payload)

        executor.submit = submit
        return executor

    one = {**SAME_PLANS, "exit_policy": ExitPolicy(max_trials=1)}
    here, there = fit(judge.bits, None, **one), fit(judge.bits, Workers(make=make, count=2), **one)
    assert judge.bits(there.model) == judge.bits(here.model)
    shards = [token.removeprefix("pass-0-") for token in sent if "shard" in token]
    assert shards == ["shard-0-1", "shard-1-1", "shard-2-1", "shard-3-1", "shard-0-2"]
    assert not [note for note in there.summary.notes if "calibration" in note]
    client.wait_for_workers(2)


def test_a_lambda_is_refused_before_the_first_trial(fit: Callable[..., FitResult], client: Any) -> None:
    with pytest.raises(EvaluationError, match=r"Workers cannot import .*<lambda>") as caught:
        fit(lambda proto: 1.0, Workers(make=client.get_executor, count=2))
    assert "judge.py" in caught.value.fix
