"""One job serves several calibration passes and searches."""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from inc_adaptors.detect import adaptor_for
from inc_adaptors.statistics.merging import merged
from inc_config.errors import EvaluationError
from inc_config.quantization import QuantizeConfig
from inc_orchestrate import Progress, Workers
from inc_orchestrate.candidates import capabilities_under, every_option
from inc_orchestrate.remote import remote
from inc_orchestrate.scoring import CallableEvaluator
from inc_strategy import TrialStatus


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "bits_judge.py").write_text(
        "def bits(model):\n    return float(hash(model.SerializeToString(deterministic=True)) % 10**6)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import bits_judge

    yield bits_judge
    del sys.modules["bits_judge"]


def test_a_worker_of_another_version_is_told_before_the_first_trial(onnx_path: Path, judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inc_orchestrate.remote.versions", lambda: "inc-orchestrate 0.0.1")
    adaptor = adaptor_for(str(onnx_path))
    about = {"adaptor": adaptor, "handle": adaptor.open(str(onnx_path)), "example": None, "progress": Progress(quiet=True)}
    with (
        pytest.raises(EvaluationError, match=r"A worker is not ready: .*this run has inc-orchestrate 0\.0\.1") as caught,
        remote(Workers(make=partial(ThreadPoolExecutor, 1), count=1), CallableEvaluator(judge.bits), **about),
    ):
        pass
    assert caught.value.fix == "install the same versions there"


def test_passes_and_searches_of_one_job_do_not_meet(onnx_path: Path, digits: Any, judge: Any) -> None:
    adaptor = adaptor_for(str(onnx_path))
    handle = adaptor.open(str(onnx_path))
    batches = [inputs for inputs, _ in digits.calibration]
    capabilities = capabilities_under(adaptor, handle, QuantizeConfig())
    wanted = adaptor.wanted(capabilities, every_option(capabilities))
    plan = capabilities.plan(lambda option: option.is_quantized and not option.is_dynamic)
    about = {"adaptor": adaptor, "handle": handle, "example": batches[0], "progress": Progress(quiet=True)}
    with remote(Workers(make=partial(ThreadPoolExecutor, 2), count=2), CallableEvaluator(judge.bits), **about) as workers:
        passes = [workers.observe(part, wanted, samples=50, advance=lambda _: None) for part in (batches[:2], batches[2:])]
        searches = {"": passes[0], "100-": merged(passes)}
        for search, statistics in searches.items():
            dispatch = workers.dispatch(capabilities, statistics, search=search)
            dispatch.start(0, plan)
            (trial,) = dispatch.next_finished()
            assert dispatch.cancelled() == []
            assert trial.status is TrialStatus.COMPLETE, trial.error
            assert trial.accuracy == judge.bits(adaptor.emitter(handle, statistics, capabilities).emit(plan).native)
