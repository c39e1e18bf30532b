"""What docs/migrating.md shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from inc_config.cli import main

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "migrating.md"
CONF = """
model: {name: net, framework: pytorch}
quantization: {approach: post_training_dynamic_quant}
tuning: {accuracy_criterion: {relative: 0.02}, tensorboard: true}
"""


def test_the_snippet_prints_notes_and_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"<!-- snippet: runs in the tests -->\n```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "conf.yaml").write_text(CONF)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    printed = capsys.readouterr().out
    assert "tensorboard" in printed
    assert "QuantizeConfig(" in printed
    assert "approach='dynamic'" in printed


def test_the_error_it_shows_is_the_one_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = re.findall(
        r"\$ inc-config check conf.yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8").split("told at its place")[1], re.DOTALL
    )
    (tmp_path / "conf.yaml").write_text(
        "model: {name: net, framework: pytorch}\nquantization:\n  approach: post_training_static_quant\nevaluation:\n  accuracy:\n"
        "    metric: {topk: 1}\n    dataloader:\n      batch_size: 8\n      distributed: True\n      dataset: {ImageFolder: {root: data}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["check", "conf.yaml"]) == 1
    assert capsys.readouterr().out == shown
