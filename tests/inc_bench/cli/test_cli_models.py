"""The command on ONNX models: accuracy of both, operators, and a lock file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from inc_bench.cli import main
from inc_bench.gate import load_lock

ONE = ["--cores-per-instance", "1", "--duration", "0.6", "--warmup", "1"]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    models()


def models() -> None:
    """``right.onnx`` scores the class that is the label, ``wrong.onnx`` always another; 30 labelled samples in ``d.npz``."""
    onnx = pytest.importorskip("onnx", reason="the extra onnxrt is not installed")
    pytest.importorskip("onnxruntime", reason="the extra onnxrt is not installed")
    helper = onnx.helper
    for name, columns in (("right", [0, 1, 2]), ("wrong", [1, 2, 0])):
        weight = onnx.numpy_helper.from_array(np.eye(3, dtype=np.float32)[:, columns], "w")
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
            "g",
            [helper.make_tensor_value_info("x", 1, ["batch", 3])],
            [helper.make_tensor_value_info("y", 1, ["batch", 3])],
            [weight],
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), f"{name}.onnx")
    labels = np.arange(30) % 3
    np.savez("d.npz", inputs=np.eye(3, dtype=np.float32)[labels], labels=labels)


def run(*arguments: str) -> int:
    return int(main(arguments))


def test_accuracy_is_measured_on_labelled_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("right.onnx", *ONE, "--data", "d.npz", "--metric", "accuracy", "--json", "r.json") == 0
    assert json.loads(Path("r.json").read_text())["accuracy"] == 1.0


def test_both_models_are_judged_and_a_drop_fails_the_gate(capsys: pytest.CaptureFixture[str]) -> None:
    gate = ["--gate", "--max-drop", "1%", "--junit", "j.xml"]
    assert run("--compare", "right.onnx", "wrong.onnx", *ONE, "--data", "d.npz", "--metric", "accuracy", *gate) == 1
    out = capsys.readouterr().out
    assert "accuracy: 1.0000 -> 0.0000" in out
    assert "failed: accuracy" in out
    assert 'failures="1"' in Path("j.xml").read_text()


def test_a_lock_is_written_and_checked_against() -> None:
    base = ["--compare", "right.onnx", "right.onnx", *ONE, "--data", "d.npz", "--metric", "accuracy", "--max-drop", "1%"]
    assert run(*base, "--lock", "lock.json", "--update-lock") == 0
    lock = load_lock(Path("lock.json"))
    assert lock.candidate_accuracy == 1.0
    assert lock.speedup == pytest.approx(1.0, abs=0.5)
    # The same model again is as accurate; its speed agrees, or the machine was too noisy to tell.
    assert run(*base, "--gate", "--lock", "lock.json") in (0, 4)


def test_operators_are_profiled(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("right.onnx", *ONE, "--profile") == 0
    assert "product" in capsys.readouterr().out
    assert run("--compare", "right.onnx", "wrong.onnx", *ONE, "--profile") == 0
    assert "operator" in capsys.readouterr().out


def test_labels_that_are_missing_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("x.npy", np.zeros((4, 3), np.float32))
    assert run("right.onnx", *ONE, "--data", "x.npy", "--metric", "accuracy") == 3
    assert "The data has no labels" in capsys.readouterr().err


def test_an_unknown_metric_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("right.onnx", *ONE, "--data", "d.npz", "--metric", "acuracy") == 2
    assert "acuracy" in capsys.readouterr().err
