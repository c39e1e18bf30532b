"""The example's promise: a box-and-score head collapses under onnxruntime's defaults and survives ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch's exporter about itself
def test_a_detector_collapses_under_onnxruntimes_defaults_and_not_under_ours(tmp_path: Path) -> None:
    import detector
    import torch

    torch.set_num_threads(1)
    path = detector.export(detector.train(detector.scenes(640, seed=1)), tmp_path / "detector.onnx")
    calibration, held_out = detector.scenes(32, seed=2), detector.scenes(128, seed=3)
    before = detector.mean_average_precision(path.read_bytes(), held_out)
    theirs = detector.mean_average_precision(detector.quantized_by_onnxruntime(path, calibration, tmp_path), held_out)
    made, guarded = detector.quantized_by_us(path, calibration)
    assert before > 0.6
    assert theirs < 0.1  # one step of the joint scale is four pixels: every score rounds to zero
    assert detector.mean_average_precision(made, held_out) >= before - 0.005
    assert len(made) < 0.5 * path.stat().st_size
    assert any("range_guard" in line for line in guarded)
