from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inc_adaptors.detect import adaptor_for
from inc_config.plan import QuantizationPlan
from inc_orchestrate.cli.sensitivity import SAMPLES, sensitivities
from inc_orchestrate.progress import Progress

onnx = pytest.importorskip("onnx", reason="the extra onnxrt is not installed")


def default_plan(model: Path) -> QuantizationPlan:
    adaptor = adaptor_for(model)
    return adaptor.capabilities(adaptor.open(model), adaptor.target()).plan()


def measured(model: Path, batches: list[np.ndarray]) -> dict[str, float]:
    return {each.op: each.value for each in sensitivities(model, default_plan(model), batches, Progress(quiet=True))}


@pytest.fixture
def batches(digits: Path) -> list[np.ndarray]:
    return [np.load(digits / "x.npy")[:SAMPLES]]


def with_an_outlier(path: Path, out: Path) -> Path:
    """The same function, but channel 0 between stem and widen holds about 1,000 and widen ignores it."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name not in {"stem.bias", "widen.weight"}:
            continue
        values = onnx.numpy_helper.to_array(tensor).copy()
        values[(slice(None), 0) if tensor.name == "widen.weight" else 0] = 0.0 if tensor.name == "widen.weight" else 1000.0
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, out)
    return out


def test_the_operators_beside_an_outlier_hurt_most(digits: Path, batches: list[np.ndarray], tmp_path: Path) -> None:
    before = measured(digits / "m.onnx", batches)
    after = measured(with_an_outlier(digits / "m.onnx", tmp_path / "outlier.onnx"), batches)
    assert list(before.values()) == sorted(before.values(), reverse=True)
    assert next(iter(after)) in {"stem", "stem_pool", "widen"}
    # 256 codes over 1,000 instead of over a few: steps, and with them the noise, grow by orders of magnitude.
    assert after["widen"] > 100.0 * before["widen"]
    assert after["residual"] < 10.0 * before["residual"]


def test_operators_that_do_not_fit_into_the_time_are_left_out_and_said_so(digits: Path, batches: list[np.ndarray]) -> None:
    progress = Progress(quiet=True)
    model = digits / "m.onnx"
    assert sensitivities(model, default_plan(model), batches, progress, budget_s=0.0) == ()
    assert progress.notes == ["sensitivity was measured for 0 of 10 operators: 0 s were used up"]
