from __future__ import annotations

import json
from pathlib import Path

import pytest
from inc_orchestrate.cli import main


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["plan", "m.onnx", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_the_plan_shows_counts_sizes_and_every_operator(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "--isa", "avx512_vnni").splitlines()
    assert lines[0].startswith("10 operators: 10 int8   target: onnxruntime, avx512_vnni, cpu   375 kB -> ")
    assert lines[1] == "input: image float32[batch, 1, 32, 32]"
    assert lines[2] == "preprocessing: not known; give --preprocess"
    names = ("stem", "stem_pool", "widen", "residual", "residual_add", "residual_pool", "deepen", "average", "flatten", "head")
    assert [line.split()[0] for line in lines[5:15]] == list(names)


@pytest.mark.usefixtures("here")
def test_the_share_of_work_is_that_of_multiply_adds(capsys: pytest.CaptureFixture[str]) -> None:
    # Multiply-adds of the four convolutions, positions x outputs x inputs x 9, and of the head.
    work = {
        "stem": 32**2 * 32 * 9,
        "widen": 16**2 * 64 * 32 * 9,
        "residual": 16**2 * 64 * 64 * 9,
        "deepen": 8**2 * 64 * 64 * 9,
        "head": 640,
    }
    found = {row["op"]: row["work"] for row in json.loads(shown(capsys, "--json"))["operators"] if row["work"]}
    assert found == work
    line = next(line for line in shown(capsys).splitlines() if line.startswith("residual "))
    assert line.endswith(f"{work['residual'] / sum(work.values()) * 100:.1f} %")
    assert shown(capsys).splitlines()[0].endswith("   100.0 % of the work quantized")
    left = json.loads(shown(capsys, "--exclude", "residual", "--json"))["quantized_share"]
    assert left == pytest.approx(1.0 - work["residual"] / sum(work.values()))


@pytest.mark.usefixtures("here")
def test_what_is_excluded_has_its_reason_in_the_header_and_goes_into_the_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "--exclude", "ste.*m", "--exclude-type", "Gemm", "--preprocess", "grey.json")
    assert text.startswith("10 operators: 3 fp32, 7 int8 (stem: excluded by user; stem_pool: not fused; head: excluded by user)")
    assert "excluded_by_user: matches 'ste.*m'" in text
    assert text.splitlines()[-1] == (
        "next: inc quantize m.onnx --data IMAGES/ --preprocess grey.json --max-drop 1% -o out/ --exclude 'ste.*m' --exclude-type Gemm"
    )


@pytest.mark.usefixtures("here")
def test_json_holds_the_whole_plan(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(shown(capsys, "--json"))
    assert document["by_precision"] == {"int8": 10}
    assert document["inputs"] == [{"name": "image", "shape": [None, 1, 32, 32], "dtype": "float32"}]
    assert document["size_before_bytes"] == 374769
    assert document["preprocessing"] is None


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "No such model file"), (b"", "is empty"), (b"<html>", "not such a model"), (b"\x08\x07" * 9, "Not a valid ONNX model")],
)
def test_what_is_no_model_is_refused(here: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, what: str) -> None:
    if content is not None:
        (here / "other.onnx").write_bytes(content)
    assert main(["plan", "other.onnx"]) == 2
    error = capsys.readouterr().err
    assert what in error
    assert "where: other.onnx" in error


@pytest.mark.parametrize(
    ("options", "target"),
    [
        (("--runtime", "openvino", "--isa", "amx"), "openvino, amx, cpu"),
        (("--runtime", "tensorrt"), "tensorrt, generic, cuda"),
        (("--isa", "avx2"), "onnxruntime, avx2, cpu"),
    ],
)
@pytest.mark.usefixtures("here")
def test_the_plan_is_for_the_target_and_so_is_the_next_command(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], target: str
) -> None:
    lines = shown(capsys, *options).splitlines()
    assert f"   target: {target}   " in lines[0]
    assert lines[-1].endswith(" ".join(options))


@pytest.mark.usefixtures("here")
def test_a_processors_instruction_set_is_refused_for_tensorrt(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "m.onnx", "--runtime", "tensorrt", "--isa", "avx2"]) == 2
    assert "leave out --isa" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_nothing_quantized_is_an_error_that_lists_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "m.onnx", "--exclude", ".*"]) == 2
    error = capsys.readouterr().err
    assert "Nothing would be quantized" in error
    assert "residual_add (Add): excluded_by_user" in error
    assert "fix:   exclude less" in error


def test_a_difference_to_another_model_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra onnxrt is not installed")
    model = onnx.load("m.onnx")
    model.graph.input[0].name = "picture"
    for node in model.graph.node:
        node.input[:] = ["picture" if name == "image" else name for name in node.input]
    onnx.save(model, here / "other.onnx")
    assert main(["plan", "m.onnx", "--diff", "other.onnx"]) == 2
    assert "It is another model than m.onnx: it takes picture float32" in capsys.readouterr().err
