"""The command from end to end, on functions that need no framework."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from inc_bench.cli import main
from inc_bench.results.writing import load_result

TARGETS = Path(__file__).parents[1] / "instances"
ONE = ["--cores-per-instance", "1", "--duration", "0.2", "--warmup", "1"]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TARGETS))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    return int(main(arguments))


def test_one_run_prints_a_table_and_writes_all_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("targets:worker", *ONE, "--json", "r.json", "--markdown", "r.md", "--csv", "r.csv") == 0
    out = capsys.readouterr().out
    assert "samples/s" in out
    assert "p99 latency, ms" in out
    result = load_result(Path("r.json"))
    assert result.latency.count > 10
    assert result.layout == "1 x 1"
    assert Path("r.csv").read_text().count("\n") == 2
    assert Path("r.md").read_text().startswith("| model |")


def test_an_earlier_result_can_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("targets:worker", *ONE, "--json", "a.json") == 0
    assert run("targets:worker", *ONE, "--json", "b.json", "--against", "a.json") == 0
    assert "the throughput of a.json" in capsys.readouterr().out
    assert run("--compare", "a.json", "b.json") == 0
    assert "the runs were not paired" in capsys.readouterr().out


def test_iterations_are_counted() -> None:
    assert run("targets:sleeper", "--cores-per-instance", "1", "--iterations", "7", "--json", "r.json") == 0
    assert load_result(Path("r.json")).latency.count == 7


def test_a_sweep_names_the_best_and_plots(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("targets:sleeper", "--sweep", "--duration", "0.2", "--batch-size", "1", "20", "--json", "best.json", "--csv", "all.csv") == 0
    out = capsys.readouterr().out
    assert "best throughput:" in out
    assert "best latency:" in out
    assert "samples/s +---" in out
    # Calls of 10 ms whatever the batch: a batch of twenty has twenty times the throughput.
    best = load_result(Path("best.json"))
    assert best.batch_size == 20
    rows = list(csv.DictReader(Path("all.csv").read_text().splitlines()))
    assert max(float(row["samples/s"]) for row in rows) == pytest.approx(best.throughput_per_s, abs=0.1)
    assert {row["batch size"] for row in rows} == {"1", "20"}


def test_server_mode_tells_how_its_schedule_was_kept() -> None:
    """The bound of 1 ms itself is judged in test_crew."""
    assert run("targets:sleeper", *ONE[:2], "--mode", "server", "--rate", "30", "--duration", "1", "--json", "r.json") == 0
    server = load_result(Path("r.json")).server
    assert server is not None
    assert server.rate_per_s == 30
    assert 0 < server.dispatch_error_s <= server.dispatch_error_p99_s
    assert server.kept_up is (server.dispatch_error_s < 0.001 and server.dispatch_error_p99_s < 0.010)


@pytest.mark.parametrize(("rate", "duration", "what"), [("0.1", "3", "too few calls"), ("1e9", "1000", "more than 1,000,000 calls")])
def test_a_rate_that_cannot_be_measured_is_refused(rate: str, duration: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("targets:sleeper", "--mode", "server", "--rate", rate, "--duration", duration) == 2
    assert what in capsys.readouterr().err


def test_server_mode_says_when_calls_arrive_too_fast(capsys: pytest.CaptureFixture[str]) -> None:
    """Calls of 10 ms can be answered 100 times a second; at 300 the queue grows."""
    assert run("targets:sleeper", *ONE[:2], "--mode", "server", "--rate", "300", "--duration", "0.5", "--json", "r.json") == 0
    result = load_result(Path("r.json"))
    assert result.server is not None
    assert result.server.saturated
    assert "calls arrived faster than they could be answered" in capsys.readouterr().out


def test_server_mode_says_when_the_generator_could_not_keep_up(capsys: pytest.CaptureFixture[str]) -> None:
    """At 25 calls a second of 30 ms three quarters of the arrivals fall into a call during which no dispatcher can run."""
    assert run("targets:greedy", *ONE[:2], "--mode", "server", "--rate", "25", "--duration", "1.5", "--json", "r.json") == 0
    server = load_result(Path("r.json")).server
    assert server is not None
    assert not server.kept_up
    assert "the load generator could not keep up" in capsys.readouterr().out


def test_the_highest_rate_under_a_bound_lies_below_the_capacity(capsys: pytest.CaptureFixture[str]) -> None:
    """Calls of 10 ms: 100 a second without waiting. A bound of 1 s is loose: it is the machine or chance that limits, not the bound."""
    code = run("targets:sleeper", *ONE[:2], "--mode", "server", "--p99-ms", "1000", "--duration", "1", "--json", "r.json")
    said = capsys.readouterr()
    if code == 2:  # so busy a machine that calls could not be dispatched on time, or too few were answered; then no rate may be claimed
        assert "the load generator, which was late" in said.err or "too few calls" in said.err or "machine's capacity" in said.err
        return
    assert code == 0
    server = load_result(Path("r.json")).server
    assert server is not None
    assert 10 < server.rate_per_s < 105
    assert "highest rate:" in said.out


def test_a_bound_that_no_call_can_keep_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("targets:sleeper", *ONE, "--mode", "server", "--p99-ms", "2") == 2
    assert re.search(r"a call alone takes [1-9]\d", capsys.readouterr().err)


def test_two_models_are_paired_and_gated(capsys: pytest.CaptureFixture[str]) -> None:
    """The same function twice is never ten times as fast; the gate fails, and says so in every report."""
    Path("few.yaml").write_text("rounds: 3\ncores_per_instance: 1\n")
    gate = ["--gate", "--min-speedup", "10", "--junit", "j.xml", "--summary", "s.md", "--json", "c.json"]
    assert run("--compare", "targets:worker", "targets:worker", "--config", "few.yaml", "--duration", "0.6", *gate) in (1, 4)
    out = capsys.readouterr().out
    assert "the second is" in out
    assert "speedup" in out
    assert "<testsuite" in Path("j.xml").read_text()
    assert Path("s.md").read_text().startswith("## targets:worker against targets:worker: ")
    found = json.loads(Path("c.json").read_text())["comparison"]
    assert found["low"] <= found["ratio"] <= found["high"] < 10


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "There is no model."),
        (("targets:worker", "--compare", "a", "b"), "3 models are to be compared."),
        (("targets:worker", "--gate", "--min-speedup", "2"), "A gate needs a baseline."),
        (("--compare", "a:a", "b:b", "--gate"), "The gate checks nothing."),
        (("targets:worker", "--max-drop", "1%"), "No metric says what may drop."),
        (("targets:worker", "--metric", "accuracy"), "Accuracy needs data with labels."),
        (("targets:worker", "--accuracy"), "No file says how accuracy is measured."),
        (("targets:worker", "--architecture", "a:b"), "Only a saved folder needs an architecture."),
        (("targets:worker", "--data", "none.npy"), "No such file"),
        (("targets:worker", "--data", "/proc/version"), "is not data that can be read"),
        (("targets:worker", "--data", "m:f", "--metric", "topk", "--accuracy", "--sweep"), "Accuracy and operators are for one run"),
        (("targets:missing",), "cannot be loaded"),
        (("targets:worker", "--mode", "server"), "Server mode needs a rate."),
        (("targets:worker", "--mode", "single-stream", "--instances", "2"), "A single stream has one instance."),
        (("targets:worker", "--mode", "server", "--rate", "5", "--p99-ms", "5"), "A rate is given or searched."),
        (("targets:worker", "--mode", "server", "--rate", "5", "--iterations", "5"), "Server mode runs for a time."),
        (("targets:worker", "--sweep", "--profile"), "Accuracy and operators are for one run or a comparison."),
        (("--compare", "a:a", "b:b", "--sweep"), "A comparison is neither a sweep nor of another mode."),
        (("--compare", "a:a", "b:b", "--csv", "x.csv"), "A comparison is written as --json"),
        (("--compare", "a:a", "b:b", "--min-speedup", "2"), "Nothing is judged without a gate."),
        (("targets:worker", "--rate", "5"), "Only server mode has a rate."),
        (("targets:worker", "--plot", "p.svg"), "Only a sweep is drawn."),
        (("targets:worker", "--batch-size", "1", "2"), "Several batch sizes need a sweep."),
        (("targets:worker", "--sweep", "--instances", "2"), "A sweep chooses layouts itself."),
        (("targets:worker", "--json", "/proc/r.json"), "The folder cannot be written"),
        (("missing.onnx",), "No such model file."),
        (("targets:worker", "--instances", "5000"), "5000 instances of 1 core do not fit."),
        (("--compare", "a:a", "b:b", "--gate", "--lock", "none.json"), "The file cannot be read"),
        (("--compare", "a.json", "b.json", "--gate", "--min-speedup", "2"), "Earlier results are compared as they are."),
        (("targets:worker", "--against", "none.json"), "The file cannot be read"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(arguments: tuple[str, ...], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert what in error
    assert "fix:" in error


@pytest.mark.parametrize("arguments", [("--iterations", "0"), ("--duration", "-1"), ("--batch-size", "0"), ("--max-drop", "5")])
def test_numbers_that_cannot_be_are_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("targets:worker", *arguments)
    assert caught.value.code == 2
    assert "is not" in capsys.readouterr().err


def test_an_instance_that_crashes_ends_the_command_with_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("targets:crashes", "--cores-per-instance", "1", "--duration", "20") == 3
    error = capsys.readouterr().err
    assert "ended with exit code 7" in error
    assert "about to break" in error


def test_a_configuration_file_says_how_and_options_win() -> None:
    Path("c.yaml").write_text("iterations: 2\nrounds: 3\nwarmup: 0\ncores_per_instance: 1\nbatch_size: 3\n")
    assert run("targets:sleeper", "--config", "c.yaml", "--json", "r.json") == 0
    result = load_result(Path("r.json"))
    assert result.batch_size == 3
    assert result.latency.count == 6
    assert run("targets:sleeper", "--config", "c.yaml", "--batch-size", "5", "--json", "r.json") == 0
    assert load_result(Path("r.json")).batch_size == 5


def test_a_file_of_version_1_is_read() -> None:
    """Its iterations are those of the whole run, and its cores and instances are kept."""
    Path("v1.yaml").write_text(
        "model:\n  name: m\n  framework: pytorch\nevaluation:\n  performance:\n    warmup: 1\n    iteration: 8\n"
        "    configs:\n      cores_per_instance: 1\n      num_of_instance: 1\n"
    )
    assert run("targets:sleeper", "--config", "v1.yaml", "--json", "r.json") == 0
    result = load_result(Path("r.json"))
    assert result.layout == "1 x 1"
    assert result.latency.count == 8


def test_a_single_stream_does_not_take_the_files_instances(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.yaml").write_text("instances: 2\n")
    assert run("targets:sleeper", "--config", "c.yaml", "--mode", "single-stream") == 2
    assert "A single stream has one instance." in capsys.readouterr().err


def test_a_file_with_faults_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.yaml").write_text("iterations: many\n")
    assert run("targets:sleeper", "--config", "c.yaml") == 2
    assert "$.iterations" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_leaves_nothing_running(number: signal.Signals, code: int, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "inc_bench", "targets:with_child", "--cores-per-instance", "1", "--duration", "60"],
        env={**os.environ, "PIDS": str(pids)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not pids.read_text().strip() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(30) == code
    numbers = [int(text) for text in pids.read_text().split()]
    assert len(numbers) == 2
    while time.monotonic() < deadline and any(psutil.pid_exists(pid) for pid in numbers):
        time.sleep(0.02)
    assert [pid for pid in numbers if psutil.pid_exists(pid)] == []


def test_without_a_writable_temporary_folder_the_error_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")  # what tempfile settles on; as root every real folder is writable
    assert run("targets:sleeper", *ONE) == 2
    assert "set TMPDIR" in capsys.readouterr().err


def test_the_json_is_plain() -> None:
    assert run("targets:sleeper", *ONE, "--json", "r.json") == 0
    assert json.loads(Path("r.json").read_text())["format"] == 1
