import json
from pathlib import Path

import numpy as np
import pytest
from inc_adaptors.statistics.create import create
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_config import files
from inc_config.errors import CalibrationError, PluginError, StoreError
from inc_config.plan import OpId, TensorKey
from safetensors import safe_open
from safetensors.numpy import save_file

KEYS = (TensorKey(OpId("layers.0.attention", 1, "Linear"), "input:0"), TensorKey(OpId("conv", 0, "Conv"), "output:0"))
SPECS = (StatisticSpec("histogram", {"bins": 64}), StatisticSpec("channel_range", {"axis": -1}), StatisticSpec("range"))


@pytest.fixture
def statistics() -> Statistics:
    values = {}
    for seed, key in enumerate(KEYS):
        values[key] = {spec: create(spec) for spec in SPECS}
        for statistic in values[key].values():
            statistic.update(np.random.default_rng(seed).standard_normal((8, 5), dtype=np.float32))
    return Statistics(values=values, samples=8, non_finite={KEYS[1]: 3}, model_fingerprint="m1", data_fingerprint="d1")


@pytest.fixture
def saved(statistics: Statistics, tmp_path: Path) -> Path:
    return statistics.save(tmp_path / "statistics.safetensors")


def load(path: Path) -> Statistics:
    return Statistics.load(path, model_fingerprint="m1", data_fingerprint="d1")


def content(statistics: Statistics) -> dict:
    return {
        (key, spec): {name: array.tobytes() for name, array in statistic.to_arrays().items()}
        for key, by_spec in statistics.values.items()
        for spec, statistic in by_spec.items()
    }


def test_everything_comes_back(statistics: Statistics, saved: Path) -> None:
    loaded = load(saved)
    assert content(loaded) == content(statistics)
    assert (loaded.samples, loaded.non_finite) == (8, {KEYS[1]: 3})
    assert (loaded.model_fingerprint, loaded.data_fingerprint) == ("m1", "d1")


@pytest.mark.parametrize(
    ("model", "data", "which"), [("m2", "d1", "another model"), ("m1", "d2", "another data"), ("m1", "", "another data")]
)
def test_stale_statistics_are_refused(saved: Path, model: str, data: str, which: str) -> None:
    with pytest.raises(CalibrationError, match=which):
        Statistics.load(saved, model_fingerprint=model, data_fingerprint=data)


def test_a_cut_or_foreign_file_is_refused(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    for size in (0, 7, 100, len(whole) - 1):
        saved.write_bytes(whole[:size])
        with pytest.raises(StoreError, match="Cannot read statistics"):
            load(saved)
    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(StoreError, match="holds no statistics"):
        load(tmp_path / "model.safetensors")
    with pytest.raises(StoreError, match="Cannot read statistics"):
        load(tmp_path / "missing.safetensors")


def rewritten(path: Path, change: object) -> Path:
    """The file with its description changed."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (safe_open is no mapping)
        metadata = dict(file.metadata())
    document = json.loads(metadata["document"])
    metadata["document"] = change(document) or json.dumps(document)
    save_file(arrays, path, metadata=metadata)
    return path


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda document: "{", StoreError),
        (lambda document: document.pop("samples") and None, StoreError),
        (lambda document: document["entries"][0].update(spec={"name": "os.system", "args": {}}), PluginError),
        (lambda document: document["entries"][0].update(arrays=["nothing"]), StoreError),
        (lambda document: document["entries"][0].update(arrays=["range"]), CalibrationError),
    ],
)
def test_a_tampered_description_is_refused(saved: Path, change: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        load(rewritten(saved, change))


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_a_failing_disk_leaves_the_old_file(statistics: Statistics, saved: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    class Failing:
        def __getattr__(self, name: str) -> object:
            if name == call:
                raise OSError(28, "No space left on device")
            return getattr(files.os, name)

    monkeypatch.setattr(files, "fs", Failing())
    with pytest.raises(StoreError, match="No space left"):
        Statistics(values={}, samples=0).save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_is_missing_is_said(statistics: Statistics, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Cannot write statistics"):
        statistics.save(tmp_path / "missing" / "statistics.safetensors")
