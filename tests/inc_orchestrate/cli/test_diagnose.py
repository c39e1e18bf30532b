from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_orchestrate.cli import main


@pytest.fixture
def quantized(here: Path) -> Path:
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open("m.onnx")
    found = adaptor.capabilities(handle, adaptor.target())
    images = np.load("x.npy")[:32]
    statistics = adaptor.observe(handle, [images], adaptor.wanted(found, (found.plan(),)))
    onnx.save(adaptor.emitter(handle, statistics, found).emit(found.plan(), final=True).native, here / "int8.onnx")
    return here


@pytest.mark.usefixtures("quantized")
def test_the_diagnosis_names_every_operator_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "m.onnx", "int8.onnx", "--data", "x.npy", "--html", "report.html"]) == 0
    text = capsys.readouterr().out
    for name in ("stem", "widen", "residual", "deepen", "head"):
        assert sum(line.startswith(f"{name} ") for line in text.splitlines()) >= 1
    assert "dB at the worst output" in text
    assert "saturation:" in text
    page = Path("report.html").read_text(encoding="utf-8")
    assert "<title>Diagnosis of int8.onnx</title>" in page
    assert "Operators that got slower" in page


@pytest.mark.usefixtures("quantized")
def test_json_is_json_whatever_is_infinite(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "m.onnx", "int8.onnx", "--data", "x.npy", "--samples", "4", "--json"]) == 0
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert document["samples"] == 4
    assert {row["name"] for row in document["operators"]} >= {"stem", "head"}
    assert all(row["alone_db"] is None or row["alone_db"] > 20.0 for row in document["operators"])


@pytest.mark.usefixtures("quantized")
def test_a_quantized_model_of_one_batch_size_decides_the_batches(capsys: pytest.CaptureFixture[str]) -> None:
    made = onnx.load("int8.onnx")
    for value in (*made.graph.input, *made.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(made, "fixed.onnx")
    assert main(["diagnose", "m.onnx", "fixed.onnx", "--data", "x.npy", "--samples", "6", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"][0]["sqnr_db"] > 20.0


@pytest.mark.usefixtures("here")
def test_a_second_model_that_is_not_quantized_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "m.onnx", "m.onnx", "--data", "x.npy"]) == 2
    assert "no quantized operator" in capsys.readouterr().err


@pytest.mark.usefixtures("quantized")
def test_plan_diff_shows_what_was_not_done_as_planned(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "m.onnx", "--diff", "int8.onnx"]) == 0
    assert "every operator computes as planned" in capsys.readouterr().out
    assert main(["plan", "m.onnx", "--diff", "int8.onnx", "--exclude", "widen", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["difference"] == [{"op": "widen", "planned": "fp32", "found": "int8"}]
    assert main(["plan", "m.onnx", "--diff", "m.onnx"]) == 0
    lines = [line.split()[:4] for line in capsys.readouterr().out.splitlines()]
    assert ["stem", "Conv", "int8", "fp32"] in lines


@pytest.mark.usefixtures("quantized")
def test_what_saturation_does_not_lose_is_said_of_the_samples_that_were_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "m.onnx", "int8.onnx", "--data", "x.npy", "--samples", "3"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("- saturation: ")]
    assert "these 3 samples lose nothing" in line or "dB are lost" in line
