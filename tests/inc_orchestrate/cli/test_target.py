"""What runs the model is asked for in one way everywhere, and the result says where it was judged and timed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from inc_orchestrate.cli import main
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("onnxruntime", reason="the extra onnxrt is not installed")

DATA = ("--data", "xy.npz", "--samples", "40")


def report() -> str:
    return Path("out/report.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("here")
def test_a_model_for_openvino_is_judged_and_timed_there(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    assert main(["quantize", "m.onnx", *DATA, "--runtime", "openvino", "-o", "out"]) == 0
    shown = capsys.readouterr().out
    assert "target: openvino, " in shown
    assert "; judged in openvino\n" in shown
    assert "the model's own runtime in fp32 (onnxruntime)" in shown
    assert "the same model in onnxruntime" in shown
    assert "the fastest fp32 runtime here" in shown
    assert shown.splitlines()[-1] == "next: benchmark_app -m out/model.onnx -d CPU -hint latency -data_shape 'image[1,1,32,32]'"
    assert "| judged in | openvino |" in report()


@pytest.mark.usefixtures("here")
def test_openvino_is_offered_as_the_home_of_a_model_for_onnxruntime(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    assert main(["quantize", "m.onnx", *DATA, "-o", "out"]) == 0
    assert "the same model in openvino" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", ["quantize", "tune"])
def test_a_model_for_tensorrt_says_what_was_not_measured_and_what_was_checked(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "m.onnx", *DATA, "--runtime", "tensorrt", "--max-trials", "2", "-o", "out"]) == 0
    shown = capsys.readouterr()
    assert "judged in onnxruntime, not timed" in shown.out
    assert "ms per batch" not in shown.out
    assert "tensorrt does not run here" in shown.err
    assert "all int8 with the zero point 0, biases in float" in report()
    assert shown.out.splitlines()[-1] == "next: trtexec --onnx=out/model.onnx --int8"


@pytest.mark.usefixtures("here")
def test_latency_is_no_objective_where_nothing_can_be_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "m.onnx", *DATA, "--runtime", "tensorrt", "--objective", "latency", "-o", "out"]) == 2
    assert "cannot be compared by latency" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.usefixtures("here")
def test_another_instruction_set_than_this_machines_is_said() -> None:
    assert main(["quantize", "m.onnx", *DATA, "--isa", "generic", "-o", "out"]) == 0
    assert "the model is for generic" in report()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", ["quantize", "tune"])
def test_a_runtime_that_is_not_installed_is_told_before_the_data_are_read(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "openvino" else found(name, *rest))
    assert main([command, "m.onnx", "--data", "missing", "--runtime", "openvino", "-o", "out"]) == 2
    error = capsys.readouterr().err
    assert "OpenVINO is not installed." in error
    assert "pip install 'inc-adaptors[openvino]'" in error


@pytest.mark.usefixtures("here")
def test_a_run_for_one_target_does_not_go_on_for_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quantize", "m.onnx", *DATA, "--runtime", "tensorrt", "-o", "out"]) == 0
    assert main(["quantize", "m.onnx", *DATA, "-o", "out", "--resume"]) == 2
    assert 'target.runtime: "tensorrt" there, "onnxruntime" here' in capsys.readouterr().err


def test_a_model_that_its_runtime_cannot_run_is_told_before_it_is_calibrated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    monkeypatch.chdir(tmp_path)
    weights = np.random.default_rng(0).normal(0.0, 0.1, (64, 64)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        helper.make_node("CDist", ["a", "w"], ["y"], name="distance", domain="com.microsoft", metric="euclidean"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [numpy_helper.from_array(weights, "w")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    Path("d.onnx").write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
    np.save("x.npy", np.random.default_rng(1).normal(size=(60, 64)).astype(np.float32))
    options = ("d.onnx", "--data", "x.npy", "--max-drop", "50%", "-o", "out")
    assert main(["quantize", *options, "--runtime", "openvino"]) == 2
    shown = capsys.readouterr().err
    assert "cannot run the model: No conversion rule found for operations: com.microsoft.CDist" in shown
    assert "trial" not in shown
    assert main(["quantize", *options]) == 0
    assert "the original was not timed in openvino: " in capsys.readouterr().err
