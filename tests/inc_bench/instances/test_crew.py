"""Instances as processes: pinned, at the same time, and gone afterwards whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
from inc_bench.instances.crew import Crew, InstanceError
from inc_bench.instances.job import Closed, Job, ModelSource, Poisson, SourceKind, thread_variables
from inc_bench.results.statistics import throughput, window

CPUS = sorted(os.sched_getaffinity(0))
Pids = Callable[[], list[int]]
Gone = Callable[[list[int]], bool]


def jobs(name: str, folder: Path, count: int = 1, **settings: object) -> list[Job]:
    source = ModelSource(kind=SourceKind.TARGET, name=f"targets:{name}")
    return [
        Job(model=source, folder=folder, cpus=(CPUS[index % len(CPUS)],), warmup=1, variables=thread_variables(1), **settings)
        for index in range(count)
    ]


def test_calls_of_ten_milliseconds_take_ten_milliseconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The issue's bound, 3 %, against what each call says that it slept: a busy machine adds to both."""
    monkeypatch.setenv("PIDS", str(tmp_path / "slept"))
    with Crew(jobs("clocked", tmp_path)) as crew:
        (run,) = crew.run(Closed(calls=60, rounds=3))
    taken = run.recorded.ends - run.recorded.begins
    slept = np.array((tmp_path / "slept").read_text().split(), float)[-len(taken) :]
    assert len(taken) >= 60
    assert np.all(taken >= 0.010)
    assert 1 <= np.median(taken / slept) < 1.03


def test_instances_run_at_the_same_time(tmp_path: Path) -> None:
    with Crew(jobs("sleeper", tmp_path, 3)) as crew:
        runs = [run.recorded for run in crew.run(Closed(duration_s=0.6))]
    start, end = window(runs)
    assert end - start > 0.3  # half of what was asked; the rest is room for a machine that lets one of them start late
    for run in runs:
        assert run.begins[0] <= start
        assert run.ends[-1] >= end
    # Sleepers side by side do not wait for each other: all together at most 300 calls a second, and far more than the fastest alone.
    together, *alone = (throughput(chosen, batch_size=1, parts=5, confidence=0.95).value for chosen in (runs, *([run] for run in runs)))
    assert 1.5 * max(alone) < together <= 300


def test_an_instance_that_is_done_keeps_the_machine_busy_until_all_are(tmp_path: Path) -> None:
    with Crew(jobs("sleeper", tmp_path, 2)) as crew:
        few, many = (run.recorded for run in crew.run([Closed(calls=5, rounds=3), Closed(calls=40, rounds=3)]))
    assert few.reached < many.reached
    assert few.ends[-1] >= many.reached - 0.011
    assert len(few.ends) > 10


def test_every_thread_stays_on_the_instances_processors(tmp_path: Path) -> None:
    with Crew(jobs("threaded", tmp_path)) as crew:
        (run,) = crew.run(Closed(duration_s=0.2))
        (pid,) = crew.pids
        allowed = [
            line.split()[1]
            for task in Path(f"/proc/{pid}/task").iterdir()
            for line in (task / "status").read_text().splitlines()
            if line.startswith("Cpus_allowed_list")
        ]
    assert run.threads == len(allowed) >= 3
    assert run.stray == ()
    assert set(allowed) == {str(CPUS[0])}


def test_a_crew_can_run_again(tmp_path: Path) -> None:
    with Crew(jobs("sleeper", tmp_path)) as crew:
        assert [len(crew.run(Closed(calls=4, rounds=2))[0].recorded.ends) >= 4 for _ in range(3)] == [True] * 3


def test_random_arrivals_are_dispatched_on_schedule(tmp_path: Path) -> None:
    with Crew(jobs("sleeper", tmp_path)) as crew:
        (first,) = crew.run(Poisson(rate_per_s=40, duration_s=1.5, seed=3))
        (second,) = crew.run(Poisson(rate_per_s=40, duration_s=1.5, seed=3))
    run = first.recorded
    assert run.arrivals is not None
    assert run.dispatched is not None
    # The claim, a median error below 1 ms, for the quarter that was disturbed the least.
    assert np.percentile(run.dispatched - run.arrivals, 25) < 0.001
    assert np.all(run.dispatched >= run.arrivals)
    assert np.all(run.ends - run.arrivals >= 0.010)
    assert second.recorded.arrivals is not None
    np.testing.assert_allclose(np.diff(run.arrivals), np.diff(second.recorded.arrivals), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "what", "log"),
    [
        ("crashes", "Instance 0 ended with exit code 7.", "about to break"),
        ("killed", "Instance 0 was killed by SIGKILL, most likely because memory ran out.", "its log is empty"),
        ("hangs", "Instance 0 stopped making progress for 6 s.", "waiting for a lock"),
        ("raises", "The model raised RuntimeError: no such weights", "loading the weights"),
        ("out_of_memory", "Memory ran out.", "MemoryError"),
        ("not_a_model", "No adaptor takes a model of type builtins.int.", ""),
        ("missing", "'targets:missing' cannot be loaded: module 'targets' has no attribute 'missing'.", ""),
    ],
)
def test_an_instance_that_fails_is_reported_with_its_log(name: str, what: str, log: str, tmp_path: Path) -> None:
    with pytest.raises(InstanceError) as caught, Crew(jobs(name, tmp_path), timeout_s=6 if name == "hangs" else 60) as crew:
        crew.run(Closed(duration_s=20))
    assert caught.value.what == what
    assert log in str(caught.value)
    assert "instance 0" in caught.value.where
    assert caught.value.refused is (name in ("not_a_model", "missing"))


def test_all_cpu_time_of_a_run_is_told(tmp_path: Path) -> None:
    """What an instance computes after its own part is done is its own too, and no noise: the second makes it wait."""
    first, second = jobs("worker", tmp_path, 2)
    with Crew([first, attrs.evolve(second, model=attrs.evolve(second.model, name="targets:sleeper"))]) as crew:
        short, _ = crew.run([Closed(calls=3, rounds=3), Closed(calls=40, rounds=3)])
    marked = short.recorded.marks[-1, 1] - short.recorded.marks[0, 1]
    assert short.cpu_s > 3 * marked
    before, after = crew.watched
    assert after.moment_s - before.moment_s >= 0.4


def test_an_interrupt_while_instances_end_leaves_none(pids: Pids, gone: Gone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while they are being asked to quit."""

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    crew = Crew(jobs("with_child", tmp_path, 2))
    crew.__enter__()
    crew.run(Closed(calls=2, rounds=1))
    with monkeypatch.context() as patched:
        patched.setattr("inc_bench.instances.crew.time.sleep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            crew.__exit__(None, None, None)
    assert crew.pids == ()
    assert gone(pids())


def test_when_one_instance_crashes_the_others_and_their_children_are_ended(pids: Pids, gone: Gone, tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match="exit code 7"), Crew(jobs("first_crashes", tmp_path, 2)) as crew:
        crew.run(Closed(duration_s=30))
    assert len(pids()) == 4
    assert gone(pids())


@pytest.mark.parametrize("name", ["with_child", "with_runaway_child"])
def test_at_the_end_nothing_is_left_running(name: str, pids: Pids, gone: Gone, tmp_path: Path) -> None:
    with Crew(jobs(name, tmp_path, 2)) as crew:
        crew.run(Closed(calls=2, rounds=1))
    assert len(pids()) == 4
    assert gone(pids())


SCRIPT = """
import sys
from pathlib import Path
from inc_bench.instances.crew import Crew
from inc_bench.instances.job import Closed, Job, ModelSource, SourceKind
source = ModelSource(kind=SourceKind.TARGET, name="targets:" + sys.argv[2])
with Crew([Job(model=source, folder=Path(sys.argv[1])) for _ in range(2)]) as crew:
    crew.run(Closed(duration_s=60))
"""


@pytest.mark.parametrize(
    ("ending", "target"),
    [
        ((signal.SIGINT, 0.0), "with_child"),
        ((signal.SIGINT, 0.7), "with_child"),
        ((signal.SIGKILL, 0.0), "with_child"),
        ((signal.SIGKILL, 0.7), "with_child"),
        ((signal.SIGKILL, 0.0), "with_runaway_child"),
        ((signal.SIGKILL, 0.7), "stuck"),
        ((signal.SIGINT, 0.7), "stuck"),
    ],
)
def test_when_the_benchmark_itself_is_ended_its_instances_end_too(
    ending: tuple[signal.Signals, float], target: str, pids: Pids, gone: Gone, tmp_path: Path
) -> None:
    """Ended while instances start (at once, when the first has said its number) and while they run."""
    number, seconds = ending
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), target], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(pids()) < (2 if seconds == 0 else 4) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(number)
    assert process.wait(30) != 0
    assert len(pids()) >= 2
    assert gone(pids())
