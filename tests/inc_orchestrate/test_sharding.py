"""Calibration in parts: bit-identical to one pass, whoever dies, and said where it could not be divided."""

import json
import multiprocessing
import os
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from inc_adaptors.detect import adaptor_for
from inc_adaptors.statistics.store import Statistics
from inc_config.errors import DataError
from inc_config.quantization import QuantizeConfig
from inc_orchestrate import Progress
from inc_orchestrate.candidates import capabilities_under, every_option
from inc_orchestrate.job import Job, run_shard
from inc_orchestrate.pool import Pool
from inc_orchestrate.sharding import Sharding


@attrs.frozen(kw_only=True, eq=False)
class Case:
    """A model with what is wanted of it, and four batches."""

    adaptor: Any
    handle: Any
    wanted: Any
    batches: list[Any]
    architecture: str = ""

    def serial(self) -> Statistics:
        return self.adaptor.observe(self.handle, self.batches, self.wanted)

    def shards(self, folder: Path, executor: Executor, batches: Any = None, *, count: int = 2) -> tuple[Statistics, Progress]:
        job = Job(folder=folder / "job", framework=self.adaptor.name, architecture=self.architecture)
        job.folder.mkdir()
        job.write_model(self.adaptor, self.handle, None)
        progress, seen = Progress(quiet=True), []
        sharding = Sharding(
            pool=Pool(lambda: executor),
            count=count,
            job=job,
            adaptor=self.adaptor,
            handle=self.handle,
            samples=100,
            progress=progress,
            advance=seen.append,
        )
        with executor:
            found = sharding.observe(self.batches if batches is None else batches, self.wanted)
        assert seen[-1] == found.samples
        assert not list(job.folder.glob("batch-*"))
        return found, progress


def case_of(model: Any, digits: Any, architecture: str = "") -> Case:
    adaptor = adaptor_for(model)
    handle = adaptor.open(model)
    batches = [inputs for inputs, _ in digits.calibration]
    capabilities = capabilities_under(adaptor, handle, QuantizeConfig(activation_threshold="kl"), batches=batches[:1])
    wanted = adaptor.wanted(capabilities, every_option(capabilities))
    return Case(adaptor=adaptor, handle=handle, wanted=wanted, batches=batches, architecture=architecture)


@pytest.fixture
def case(onnx_path: Path, digits: Any) -> Case:
    return case_of(str(onnx_path), digits)


def contents(statistics: Statistics) -> Any:
    """Everything that statistics say, to the bit."""
    arrays = {
        (str(key), spec.name, name): (array.dtype, array.tobytes())
        for key, found in statistics.values.items()
        for spec, statistic in found.items()
        for name, array in statistic.to_arrays().items()
    }
    return arrays, statistics.samples, dict(statistics.non_finite), statistics.model_fingerprint


class Spoiled(ThreadPoolExecutor):
    """Stands in for workers that die: the first ``times`` shards are lost in the way ``how`` says."""

    def __init__(self, how: str, times: int) -> None:
        super().__init__(2)
        self.how, self.left = how, times
        self.sent: list[str] = []

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        payload = args[0]
        self.sent.append(payload["token"])
        if self.left == 0:
            return super().submit(work, payload)
        self.left -= 1
        if self.how == "repeated":  # Dask runs it again elsewhere, where the first worker's mark is found
            (Path(payload["folder"]) / "started" / payload["token"]).touch()
            return super().submit(work, payload)
        return super().submit(_raises, payload)


def _raises(payload: Any) -> Any:
    raise ConnectionError("the worker is gone")


@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_shards_are_bit_identical_to_one_pass(kind: str, request: pytest.FixtureRequest, digits: Any, tmp_path: Path) -> None:
    if kind == "onnx":
        case = request.getfixturevalue("case")
    else:
        case = case_of(request.getfixturevalue("model"), digits, request.getfixturevalue("architecture"))
    found, progress = case.shards(tmp_path, ThreadPoolExecutor(2))
    assert contents(found) == contents(case.serial())
    assert progress.notes == []


@pytest.mark.parametrize("how", ["repeated", "raised"])
@pytest.mark.parametrize(("times", "notes"), [(1, 0), (3, 1), (100, 1)])
def test_a_lost_shard_is_observed_again_elsewhere_or_here(case: Case, how: str, times: int, notes: int, tmp_path: Path) -> None:
    executor = Spoiled(how, times)
    found, progress = case.shards(tmp_path, executor)
    assert contents(found) == contents(case.serial())
    assert len(progress.notes) <= notes
    assert len(executor.sent) == len(set(executor.sent)) <= 8
    if times == 100:
        assert progress.notes == ["part of the calibration ran in this process: its workers died"]


def kills(payload: Any) -> Any:
    """Die in the middle of a shard, once."""
    flag = Path(payload["folder"]) / "killed"
    if payload["token"].startswith("shard-1-") and not flag.exists():
        flag.touch()
        os._exit(1)
    return run_shard(payload)


class Deadly(ProcessPoolExecutor):
    """A pool in which one worker dies."""

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(kills, args[0])


def test_a_process_that_dies_costs_a_shard_and_the_pool_is_made_anew(case: Case, tmp_path: Path) -> None:
    job = Job(folder=tmp_path, framework=case.adaptor.name)
    job.write_model(case.adaptor, case.handle, None)
    pools: list[Executor] = []

    def make() -> Executor:
        pools.append(Deadly(2, mp_context=multiprocessing.get_context("fork")))
        return pools[-1]

    pool, progress = Pool(make), Progress(quiet=True)
    sharding = Sharding(
        pool=pool, count=2, job=job, adaptor=case.adaptor, handle=case.handle, samples=100, progress=progress, advance=lambda _: None
    )
    found = sharding.observe(case.batches, case.wanted)
    pool.close()
    assert contents(found) == contents(case.serial())
    assert len(pools) in (2, 3)  # a shard that was sent while the first broke had one made already
    assert progress.notes == []


def test_one_batch_is_not_divided_and_that_is_said(case: Case, tmp_path: Path) -> None:
    found, progress = case.shards(tmp_path, Spoiled("raised", 0), case.batches[:1])
    assert contents(found) == contents(attrs.evolve(case, batches=case.batches[:1]).serial())
    assert progress.notes == ["calibration ran in this process: one batch cannot be divided"]


def test_batches_that_no_file_holds_are_observed_here_and_that_is_said(model: Any, digits: Any, tmp_path: Path) -> None:
    halved = case_of(model.to(torch.bfloat16), attrs.evolve(digits, calibration=[(x.to(torch.bfloat16), y) for x, y in digits.calibration]))
    executor = Spoiled("raised", 0)
    found, progress = halved.shards(tmp_path, executor)
    assert contents(found) == contents(halved.serial())
    assert progress.notes == ["calibration ran in this process: A batch holds a Tensor of bfloat16, which numpy lacks."]
    assert executor.sent == []


def test_a_batch_of_another_kind_in_between_is_observed_here(case: Case, tmp_path: Path) -> None:
    class Opaque:
        """Looks like a tensor of an unknown type to files, and like an array to the model."""

        def __init__(self, values: Any) -> None:
            self.values, self.shape, self.dtype = values, values.shape, "torch.strange"

        def __getitem__(self, key: Any) -> Any:
            return self.values[key]

        def numpy(self) -> Any:
            return np.asarray(self.values)

    mixed = [case.batches[0], Opaque(case.batches[1]), *case.batches[2:]]
    found, progress = case.shards(tmp_path, ThreadPoolExecutor(2), mixed)
    assert contents(found) == contents(case.serial())
    assert progress.notes == ["part of the calibration ran in this process: A batch holds a Opaque of strange, which numpy lacks."]


def test_data_that_does_not_fit_is_the_error_that_it_is_in_one_process(case: Case, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the shape of .* differs"):
        case.shards(tmp_path, ThreadPoolExecutor(2), [*case.batches[:3], np.zeros((2, 1, 5), np.float32)])


def test_payloads_are_texts(case: Case, tmp_path: Path) -> None:
    class Looking(ThreadPoolExecutor):
        def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            assert json.loads(json.dumps(args[0])) == args[0]
            assert all(type(value) is str for value in args[0].values())
            return super().submit(work, *args)

    found, _ = case.shards(tmp_path, Looking(2))
    assert found.samples == 100
