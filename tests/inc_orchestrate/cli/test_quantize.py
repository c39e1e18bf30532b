from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from inc_orchestrate import load
from inc_orchestrate.cli import main
from inc_orchestrate.cli.demo import bundled_data

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnxrt is not installed")
onnx = pytest.importorskip("onnx", reason="the extra onnxrt is not installed")

GREY = ("--preprocess", "grey.json", "--image-mode", "L")


def quantize(*arguments: str) -> int:
    return main(["quantize", "m.onnx", *arguments])


@pytest.mark.usefixtures("here")
def test_images_become_a_smaller_model_with_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert quantize("--data", "val", *GREY, "--samples", "40", "-o", "out") == 0
    shown = capsys.readouterr()
    assert "labels: the class folders in sorted order, '0' is 0 and '9' is 9" in shown.err
    assert "150 images in 10 classes in val; 40 to calibrate, 74 to judge, 36 to confirm" in shown.err
    assert "confirmed on 36 held-out samples" in shown.out
    assert shown.out.splitlines()[-1] == "next: inc-bench m.onnx --compare out/model.onnx"
    out = Path("out")
    assert {path.name for path in out.iterdir()} == {
        "ledger", "model.onnx", "preprocessing.json", "report.html", "report.md", "run.json", "saved",
    }  # fmt: skip
    assert json.loads((out / "preprocessing.json").read_text())[0]["name"] == "ToArray"
    assert (out / "model.onnx").read_bytes() == (out / "saved" / "model.onnx").read_bytes()
    images, labels = bundled_data()
    session = onnxruntime.InferenceSession(str(out / "model.onnx"))
    (scores,) = session.run(None, {"image": images[150:]})
    assert np.mean(scores.argmax(1) == labels[150:]) > 0.95
    kinds = {node.op_type for node in onnx.load(out / "model.onnx").graph.node}
    assert "QuantizeLinear" in kinds
    assert (out / "model.onnx").stat().st_size < 374769 / 3
    assert load(out / "saved").SerializeToString(deterministic=True) == (out / "model.onnx").read_bytes()


@pytest.mark.usefixtures("here")
def test_without_labels_the_criterion_is_agreement_and_named_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert quantize("--data", "x.npy", "-o", "out", "--max-drop", "5points", "--samples", "32", "--eval-samples", "96") == 0
    shown = capsys.readouterr().out
    assert "top-1 agreement with the original (label-free)" in shown
    assert "SQNR in dB" in shown
    report = Path("out/report.md").read_text(encoding="utf-8")
    assert "agreement with the original, no labels, at most 5 points lost" in report
    assert "none, the data are the model's inputs" in report


@pytest.mark.usefixtures("here")
def test_a_missed_criterion_exits_with_1_the_frontier_and_a_way_on(capsys: pytest.CaptureFixture[str]) -> None:
    # No int8 model agrees with the original on all of 465 digits: the search runs out of its trials.
    options = ("--data", "x.npy", "-o", "out", "--max-drop", "0", "--max-trials", "2", "--batch-size", "128")
    assert quantize(*options) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("OUTSIDE the accuracy criterion") for line in lines)
    assert any(line.startswith("frontier: trial ") for line in lines)
    assert any(line.startswith("try: Allow --max-drop 0.0") for line in lines)
    assert lines[-1] == "next: inc quantize m.onnx --data x.npy -o out --max-drop 0 --batch-size 128 --max-trials 4 --resume"
    assert Path("out/model.onnx").is_file()
    assert "What to try" in Path("out/report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_finished_trial_is_lost(here: Path, capsys: pytest.CaptureFixture[str], how: signal.Signals) -> None:
    options = ["--data", "x.npy", "-o", "out", "--max-drop", "0", "--batch-size", "128"]
    command = [sys.executable, "-m", "inc_orchestrate.cli", "quantize", "m.onnx", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=here, env=environment, **pipes) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("trial 3"):
                process.send_signal(how)
                break
        out, rest = process.communicate(timeout=60)
    if how is signal.SIGINT:
        assert process.returncode in (0, 1), rest  # as the best of these trials meets the criterion or not
        assert "Traceback" not in rest
        assert "it was interrupted: delivering the best model so far; Ctrl-C stops at once" in rest
        assert out.splitlines()[-1] == "next: inc quantize m.onnx --data x.npy -o out --max-drop 0 --batch-size 128 --resume"
        assert Path("out/model.onnx").is_file()
    else:
        assert process.returncode == -signal.SIGKILL
    assert quantize(*options, "--resume", "--max-trials", "3") in (0, 1)
    assert "resumed: " in capsys.readouterr().err
    report = Path("out/report.md").read_text(encoding="utf-8")
    assert "| 3 |" in report
    assert quantize(*options, "--resume", "--max-trials", "3", "--threshold", "kl") == 2
    assert "started by: inc quantize m.onnx --data x.npy -o out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--data", "val"], "The model's input is image float32[batch, 1, 32, 32]"),
        (["--data", "val", "--preprocess", "unit"], "got float32[1, 3, 32, 32]; the model takes {image: float32[?, 1, 32, 32]}"),
        (["--data", "val", "--preprocess", "imagenot"], "did you mean imagenet?"),
        (["--data", "val", "--preprocess", "missing.json"], "cannot be read"),
        (["--data", "missing"], "There is no such file or folder"),
        (["--data", "m.onnx"], "neither a folder nor a .npy or .npz file"),
        (["--data", "xy.npz", "--metric", "acuracy"], "did you mean accuracy?"),
        (["--data", "xy.npz", "--metric", "topk:q=5"], "its options: k"),
        (["--data", "shuffled.npz"], "hardly better than chance"),
        (["--data", "x.npy", "--max-drop", "5"], "could mean 5% or 5 points"),
        (["--data", "x.npy", "--exclude", ".*"], "Nothing can be quantized"),
        ([], "--data"),
    ],
)
def test_bad_input_is_told_and_leaves_nothing_behind(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], what: str
) -> None:
    before = sorted(here.iterdir())
    assert quantize(*arguments, "-o", "out") == 2
    error = capsys.readouterr().err
    assert what in error
    assert "\n  where: " in error
    assert "\n  fix:   " in error
    assert "Traceback" not in error
    assert sorted(here.iterdir()) == before


def test_a_corrupt_image_is_named_and_the_mended_command_runs(here: Path, digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(digits / "val", here / "data")
    broken = sorted((here / "data" / "7").iterdir())[-1]
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    command = ("--data", "data", *GREY, "-o", "out", "--samples", "32")
    assert quantize(*command) == 2
    assert f"where: data/7/{broken.name}" in capsys.readouterr().err
    broken.write_bytes(whole)
    assert quantize(*command) == 0


@pytest.mark.usefixtures("here")
def test_a_folder_with_something_else_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/thesis.tex").write_text("years")
    assert quantize("--data", "x.npy", "-o", "out", "--force") == 2
    assert "thesis.tex" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["thesis.tex"]


@pytest.mark.usefixtures("here")
def test_starting_over_with_bad_input_keeps_the_earlier_run() -> None:
    Path("out").mkdir()
    Path("out/run.json").write_text("{}")
    Path("out/model.onnx").write_text("earlier")
    assert quantize("--data", "missing", "-o", "out", "--force") == 2
    assert Path("out/model.onnx").read_text() == "earlier"
