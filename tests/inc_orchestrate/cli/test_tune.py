from __future__ import annotations

from pathlib import Path

import pytest
from inc_orchestrate.cli import main

pytest.importorskip("onnxruntime", reason="the extra onnxrt is not installed")


def tune(*arguments: str) -> int:
    return main(["tune", "m.onnx", "--data", "xy.npz", "--samples", "40", *arguments])


@pytest.mark.usefixtures("here")
def test_the_best_model_within_the_budget_is_delivered_with_its_frontier(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--objective", "latency", "--budget", "10m", "--max-drop", "20%", "--strategy", "basic", "--max-trials", "3")
    assert tune(*arguments) == 0
    shown = capsys.readouterr()
    assert "on the frontier" in shown.err
    assert "accuracy % (up) over latency, ms per batch (right)" in shown.out
    assert "* frontier, inside the criterion" in shown.out
    report = Path("tuned/report.md").read_text(encoding="utf-8")
    assert "## Frontier" in report


@pytest.mark.usefixtures("here")
def test_a_finished_run_goes_on_for_more_trials(capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("-o", "out", "--strategy", "basic", "--max-trials", "1", "--objective", "size") == 0
    capsys.readouterr()
    assert tune("-o", "out", "--strategy", "basic", "--objective", "size", "--add-trials", "2") == 0
    shown = capsys.readouterr()
    assert "resumed: 1 trials are in the ledger" in shown.err
    assert "trial 3: " in shown.err
    assert "trial 4: " not in shown.err


@pytest.mark.usefixtures("here")
def test_latencies_of_operators_make_a_waterfall(capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("-o", "out", "--first", "--max-drop", "20%") == 0
    assert "probe latency: " in capsys.readouterr().err
    assert "## Latency waterfall" in Path("out/report.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("here")
def test_a_budget_of_zero_is_refused_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("--budget", "0s") == 2
    assert "A budget of zero leaves no time for a trial." in capsys.readouterr().err
    assert not Path("tuned").exists()


@pytest.mark.usefixtures("here")
def test_an_unknown_strategy_is_told_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("--strategy", "sensitivity", "-o", "out") == 2
    shown = capsys.readouterr().err
    assert "sensitivity_first" in shown


@pytest.mark.usefixtures("here")
def test_several_processes_find_what_one_finds(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--strategy", "basic", "--max-trials", "2", "--objective", "size", "--max-drop", "20%")
    frontiers = []
    for name, more in (("one", ()), ("two", ("--workers", "2"))):
        assert tune("-o", name, *arguments, *more) == 0
        report = Path(name, "report.md").read_text(encoding="utf-8")
        frontiers.append([line.split("|")[1:5] for line in report.partition("## Frontier")[2].splitlines() if line.startswith("|")])
    assert len(frontiers[0]) > 2
    assert frontiers[0] == frontiers[1]
    assert "died" not in capsys.readouterr().err
