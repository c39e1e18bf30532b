from __future__ import annotations

import re
from pathlib import Path

import pytest
from inc_orchestrate.cli import main, plan


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_overview_names_every_command_and_where_to_start(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(f"inc {name} " in shown for name in ("demo", "plan", "quantize"))
    assert shown.rstrip().endswith("Start with: inc demo")


@pytest.mark.parametrize("command", ["demo", "plan", "quantize"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"inc {command}" in capsys.readouterr().out


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"inc \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_a_mistyped_command_is_answered_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quantise", "m.onnx"]) == 2
    assert "did you mean inc quantize?" in capsys.readouterr().err


def test_a_fault_of_ours_gives_a_message_and_a_log_not_a_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(plan, "plan", broken)
    monkeypatch.setattr("tempfile.tempdir", str(here))
    assert main(["plan", "m.onnx"]) == 3
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "RuntimeError: first line" in shown
    (log,) = here.glob("inc-*.log")
    assert str(log) in shown
    assert "Traceback" in log.read_text()
    assert "inc plan m.onnx" in log.read_text()
