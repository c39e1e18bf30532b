"""Where one model runs faster is measured, not guessed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "onnxrt"))

from graphs import batches, resnet
from inc_adaptors.openvino.deployment import Deployment, deployment
from inc_config.target import Runtime


@pytest.mark.parametrize(("low", "high", "choice"), [(1.1, 1.3, Runtime.OPENVINO), (0.7, 0.9, Runtime.ONNXRUNTIME), (0.9, 1.1, None)])
def test_only_an_interval_without_one_makes_a_choice(low: float, high: float, choice: Runtime | None) -> None:
    found = Deployment(onnxruntime_s=1e-3, openvino_s=1e-3, ratio=(low + high) / 2, low=low, high=high, sqnr_db=90.0)
    assert found.choice is choice


def test_both_runtimes_run_the_same_model() -> None:
    pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    model = resnet()
    found = deployment(model, batches(model, count=1)[0], rounds=9)
    assert found.sqnr_db > 80.0  # float32 on both sides
    assert found.low <= found.ratio <= found.high
    assert found.onnxruntime_s > 0.0
    assert found.openvino_s > 0.0
