"""Models that were exported for one batch size are compressed with batches of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from inc_config import TuningConfig
from inc_config.errors import DataError
from inc_orchestrate import Evaluation, LabelFree, Pipeline, Quantize
from inc_orchestrate.cli import main

SIZE = 8


@pytest.fixture
def fixed(onnx_path: Path, tmp_path: Path) -> Path:
    model = onnx.load(onnx_path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = SIZE
    del model.graph.value_info[:]
    onnx.save(model, tmp_path / "fixed.onnx")
    return tmp_path / "fixed.onnx"


@pytest.fixture
def images(digits: Any) -> tuple[np.ndarray, np.ndarray]:
    inputs, labels = (np.concatenate([part.numpy() for part in parts]) for parts in zip(*digits.evaluation, strict=True))
    return inputs[:206], labels[:206]


def split(array: np.ndarray, size: int) -> list[np.ndarray]:
    return [array[start : start + size] for start in range(0, len(array), size)]


@pytest.mark.parametrize("size", [1, 5, 50])
@pytest.mark.parametrize("kind", ["nothing", "other batches", "labels"])
def test_batches_of_any_size_serve_a_model_of_one_size(kind: str, size: int, fixed: Path, images: tuple[np.ndarray, np.ndarray]) -> None:
    inputs, labels = split(images[0], size), split(images[1], size)
    evaluate = {
        "nothing": None,
        "other batches": LabelFree(inputs[1:]),
        "labels": Evaluation(list(zip(inputs, labels, strict=True)), "accuracy"),
    }[kind]
    result = Pipeline([Quantize(accuracy_loss=0.05)], calibrate=inputs, evaluate=evaluate, benchmark=False, progress=False).fit(str(fixed))
    assert result.is_feasible
    assert result.summary.by_precision["int8"] >= 3


def test_values_are_those_of_a_model_of_any_size(fixed: Path, onnx_path: Path, images: tuple[np.ndarray, np.ndarray]) -> None:
    batches = list(zip(split(images[0], 50), split(images[1], 50), strict=True))
    given: dict[str, Any] = {"calibrate": split(images[0], SIZE), "evaluate": Evaluation(batches, "accuracy"), "progress": False}
    step = Quantize(accuracy_loss=0.05, calibration_samples=80)
    one, any_size = (Pipeline([step], **given).fit(str(path)).summary for path in (fixed, onnx_path))
    assert one.accuracy.original == any_size.accuracy.original
    assert one.accuracy.final == any_size.accuracy.final
    assert "latency is for batch 8, the only size that the model takes" in one.notes


def test_portions_of_the_calibration_stay_whole(fixed: Path, images: tuple[np.ndarray, np.ndarray]) -> None:
    step = Quantize(accuracy_loss=0.05, calibration_samples=10, tuning=TuningConfig(calibration_samples=[30]))
    result = Pipeline([step], calibrate=split(images[0], 12), evaluate=lambda _: 1.0, benchmark=False, progress=False).fit(str(fixed))
    assert result.is_feasible


def test_one_batch_cannot_do_both(fixed: Path, images: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(DataError, match="One batch of the only size that the model takes cannot both") as caught:
        Pipeline([Quantize()], calibrate=[images[0][:SIZE]], progress=False).fit(str(fixed))
    assert "at least two batches" in caught.value.fix


def test_the_command_needs_no_batch_size(
    fixed: Path, images: tuple[np.ndarray, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", images[0])
    assert main(["quantize", str(fixed), "--data", "x.npy", "-o", "out", "--max-drop", "20%"]) == 0
    assert main(["diagnose", str(fixed), "out/model.onnx", "--data", "x.npy"]) == 0
    assert main(["quantize", str(fixed), "--data", "x.npy", "-o", "other", "--max-drop", "20%", "--batch-size", "5"]) == 0
