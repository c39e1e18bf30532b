"""The command on ONNX models: accuracy of both, operators, and a lock file."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest
from inc_bench.cli import main
from inc_bench.gate import load_lock, save_lock

ONE = ["--config", "few.yaml", "--duration", "0.3", "--warmup", "1"]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    Path("few.yaml").write_text("rounds: 3\ncores_per_instance: 1\n")
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


def test_a_lock_is_written_and_checked_against(capsys: pytest.CaptureFixture[str]) -> None:
    """With two threads the wall clock is compared, which is never called noisy: the outcome is certain where the speeds are far apart."""
    base = ["--compare", "right.onnx", "right.onnx", *ONE, "--threads", "2", "--data", "d.npz", "--metric", "accuracy"]
    assert run(*base, "--max-drop", "1%", "--lock", "lock.json", "--update-lock") == 0
    lock = load_lock(Path("lock.json"))
    assert (lock.candidate_accuracy, lock.metric, lock.batch_size, lock.layout) == (1.0, "accuracy", 1, "1 x 1")
    assert 0.05 < lock.speedup < 20
    for speedup, code in ((0.001, 0), (1000.0, 1)):
        save_lock(attrs.evolve(lock, speedup=speedup), Path("lock.json"))
        assert run(*base, "--gate", "--lock", "lock.json") == code
    assert "accuracy against the lock" in capsys.readouterr().out


def test_a_noisy_run_leaves_the_lock_as_it_was(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleeping takes no CPU time, so that no round counts."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "instances"))
    Path("lock.json").write_text("the old one")
    sleepers = ("targets:sleeper", "targets:sleeper")
    assert run("--compare", *sleepers, *ONE, "--min-speedup", "0.1", "--lock", "lock.json", "--update-lock") == 4
    assert "the lock is left as it was" in capsys.readouterr().out
    assert Path("lock.json").read_text() == "the old one"


def test_operators_are_profiled(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("right.onnx", *ONE, "--profile") == 0
    assert "product" in capsys.readouterr().out
    assert run("--compare", "right.onnx", "wrong.onnx", *ONE, "--profile") == 0
    assert "operator" in capsys.readouterr().out


def test_labels_that_are_missing_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("x.npy", np.zeros((4, 3), np.float32))
    assert run("right.onnx", *ONE, "--data", "x.npy", "--metric", "accuracy") == 2
    assert "The data has no labels" in capsys.readouterr().err


V1 = """
model: {name: m, framework: onnxrt_integerops}
evaluation:
  accuracy:
    metric: {topk: 1}
    dataloader:
      batch_size: 8
      dataset: {dummy_v2: {input_shape: [3], label_shape: [1], low: 0, high: 1, dtype: [float32, int64]}}
"""


def test_the_accuracy_mode_of_version_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Its data is made up, so that only the range of the accuracy is known."""
    Path("v1.yaml").write_text(V1)
    settings = ["--config", "v1.yaml", "--accuracy", "--iterations", "3", "--cores-per-instance", "1", "--json", "r.json"]
    assert run("right.onnx", *settings) == 0
    found = json.loads(Path("r.json").read_text())
    assert found["metric"] == "topk"
    assert 0 <= found["accuracy"] <= 1
    assert "says nothing of timing" in capsys.readouterr().out
    assert run("right.onnx", *settings[:2], "--data", "d.npz", "--metric", "accuracy", "--iterations", "3", "--json", "r.json") == 0
    assert json.loads(Path("r.json").read_text())["accuracy"] == 1.0


def test_the_metric_of_a_file_judges_on_the_data_of_the_command_line() -> None:
    """The score of the label is the largest for every sample, so that it is among the two largest too."""
    Path("p.yaml").write_text(
        "steps: [{kind: quantize}]\nevaluation: {metrics: [{topk: {k: 2}}]}\nbenchmark: {rounds: 3, iterations: 2, cores_per_instance: 1}\n"
    )
    assert run("right.onnx", "--config", "p.yaml", "--accuracy", "--data", "d.npz", "--json", "r.json") == 0
    found = json.loads(Path("r.json").read_text())
    assert (found["metric"], found["accuracy"], found["latency"]["count"]) == ("topk", 1.0, 6)
    assert run("right.onnx", "--config", "p.yaml", "--accuracy") == 2


def test_a_file_without_labelled_data_cannot_be_judged_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("right.onnx", "--config", "few.yaml", "--accuracy") == 2
    assert "Accuracy needs data with labels." in capsys.readouterr().err


def test_accuracy_of_a_model_of_one_batch_size_counts_every_sample() -> None:
    """Thirty samples in batches of 4: the last batch is filled up, and only its two samples count."""
    onnx = pytest.importorskip("onnx", reason="the extra onnxrt is not installed")
    model = onnx.load("right.onnx")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(model, "four.onnx")
    data = np.load("d.npz")
    labels = np.where(np.arange(30) < 28, data["labels"], (data["labels"] + 1) % 3)  # the last two are wrong
    np.savez("last.npz", inputs=data["inputs"], labels=labels)
    assert run("four.onnx", *ONE, "--data", "last.npz", "--metric", "accuracy", "--json", "r.json") == 0
    assert json.loads(Path("r.json").read_text())["accuracy"] == pytest.approx(28 / 30)


def test_a_sweep_leaves_out_batch_sizes_that_the_model_does_not_take(capsys: pytest.CaptureFixture[str]) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra onnxrt is not installed")
    model = onnx.load("right.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, "one.onnx")
    assert run("one.onnx", "--sweep", "--duration", "0.1", "--batch-size", "1", "8", "--csv", "r.csv") == 0
    assert "batch size 8 is left out: The model takes batches of 1" in capsys.readouterr().out
    assert {row.split(",")[3] for row in Path("r.csv").read_text().splitlines()[1:]} == {"1"}
    assert run("one.onnx", "--sweep", "--duration", "0.1", "--batch-size", "8") == 2


def test_data_that_raises_is_not_called_the_models_fault(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "instances"))
    assert run("right.onnx", *ONE, "--data", "targets:broken_data") == 2
    error = capsys.readouterr().err
    assert "The data raised RuntimeError: no rows" in error
    assert "Traceback" in error


def test_an_unknown_metric_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("right.onnx", *ONE, "--data", "d.npz", "--metric", "acuracy") == 2
    assert "acuracy" in capsys.readouterr().err
