"""What docs/onnx.md shows runs as it stands there, from top to bottom."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from inc_orchestrate.cli import main

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "onnx.md"
BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_every_command_and_snippet_of_the_guide_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason="the guide is about ONNX models")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for kind, block in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        if kind == "python":
            exec(compile(block, str(GUIDE), "exec"), namespace)
            continue
        for line in block.splitlines():
            assert line.startswith("$ inc "), line
            assert main(shlex.split(line)[2:]) == 0, line + capsys.readouterr().err
    assert {"demo", "out", "trt", "avx2", "saved", "diagnosis.html"} <= {path.name for path in tmp_path.iterdir()}


def test_links_of_the_guide_lead_to_headings_that_are_there() -> None:
    for path, anchor in re.findall(r"\]\((\S+?\.md)#(\S+?)\)", GUIDE.read_text(encoding="utf-8")):
        headings = re.findall(r"^#+ (.*)$", (GUIDE.parent / path).read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
        assert anchor in anchors, (path, anchor)
