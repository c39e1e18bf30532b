import errno
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_config.errors import LedgerError
from inc_config.frozen import FrozenMap
from inc_strategy import Evaluate, Ledger, Measurement, Pending, Probe, ProbeResult, Trial, TrialStatus
from inc_strategy import lock as lock_module
from inc_strategy.journal import Journal
from inc_strategy.ledger import recorded_trials
from inc_strategy.testing import SimulatedModel, view_of

FINGERPRINTS = {"model": "ab12", "data": "cd34"}
MODEL = SimulatedModel.of([0.1] * 5)
START = view_of(MODEL, max_trials=50)


def plans(count):
    whole = START.default_plan
    return [whole.with_float(whole.quantized[:index]) for index in range(count)]


def write_trials(ledger, count):
    """What a loop does; returns the results that were acknowledged."""
    done = []
    for plan in plans(count):
        action = Evaluate(plan)
        index = ledger.proposed(action)
        ledger.started(index)
        result = MODEL.answer(Pending(index=index, action=action))
        ledger.finished(result)
        done.append(result)
    return done


def events_file(folder):
    return folder / "events.jsonl"


def test_finished_items_replay_as_they_were(tmp_path):
    op = START.quantizable[0]
    probe = Probe("mse", START.default_plan, (op,))
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        trials = write_trials(ledger, 3)
        index = ledger.proposed(probe)
        scores = FrozenMap({op: 0.25})
        result = ProbeResult(index=index, kind="mse", plan=probe.plan, ops=probe.ops, scores=scores, seconds=0.5)
        ledger.finished(result)
        assert ledger.replay() == (*trials, result)
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        assert ledger.replay() == (*trials, result)


measurements = st.builds(
    Measurement,
    accuracy=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    accuracy_interval=st.none() | st.tuples(st.floats(-1, 0), st.floats(0, 1)),
    samples=st.none() | st.integers(0, 10**9),
    latency_s=st.none() | st.floats(0, 1e6),
    size_bytes=st.none() | st.integers(0, 10**15),
    seconds=st.floats(0, 1e9),
)


@given(
    measurement=st.none() | measurements,
    status=st.sampled_from(TrialStatus),
    error=st.none() | st.text(st.characters(codec="utf-8")),
    meets=st.none() | st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_any_trial_survives_the_round_trip(tmp_path_factory, measurement, status, error, meets):
    folder = tmp_path_factory.mktemp("ledger")
    trial = Trial(index=0, plan=START.default_plan, status=status, measurement=measurement, error=error, meets=meets)
    with Ledger.open(folder, FINGERPRINTS) as ledger:
        ledger.proposed(Evaluate(trial.plan))
        ledger.finished(trial)
    with Ledger.open(folder, FINGERPRINTS) as ledger:
        assert ledger.replay() == (trial,)


def test_a_proposal_is_pending_while_its_process_lives_and_lost_when_the_ledger_is_opened_again(tmp_path):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        ledger.started(ledger.proposed(Evaluate(START.default_plan)))
        ledger.proposed(Probe("mse", START.default_plan, START.quantizable))
        assert [type(item) for item in ledger.replay()] == [Pending, Pending]
    for _ in range(2):
        with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
            trial, probe = ledger.replay()
            assert (trial.status, probe.status) == (TrialStatus.LOST, TrialStatus.LOST)
            assert trial.error == probe.error == "its process ended before it finished"


def test_facts_are_kept_and_the_last_one_counts(tmp_path):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        ledger.record("baseline", {"accuracy": 0.5})
        ledger.record("baseline", {"accuracy": 0.76, "samples": [1, 2]})
        with pytest.raises(ValueError, match="plain data"):
            ledger.record("model", object())
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        assert ledger.facts == {"baseline": {"accuracy": 0.76, "samples": [1, 2]}}


def test_each_plan_is_stored_once(tmp_path):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        for index in range(3):
            ledger.proposed(Evaluate(START.default_plan))
            ledger.finished(Trial(index=index, plan=START.default_plan, status=TrialStatus.LOST))
    assert [path.stem for path in (tmp_path / "plans").iterdir()] == [START.default_plan.digest]


def test_results_that_answer_no_pending_proposal_are_refused(tmp_path):
    one, other = plans(2)
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        for wrong in (Trial(index=0, plan=one), Trial(index=-1, plan=one)):
            with pytest.raises(ValueError, match="not pending"):
                ledger.finished(wrong)
        index = ledger.proposed(Evaluate(one))
        for wrong in (Trial(index=index, plan=other), ProbeResult(index=index, kind="mse", plan=one)):
            with pytest.raises(ValueError, match="not pending"):
                ledger.finished(wrong)
        ledger.finished(Trial(index=index, plan=one))
        with pytest.raises(ValueError, match="not pending"):
            ledger.started(index)
        ledger.finished(Trial(index=index, plan=one))  # a repeated call after an error: already there
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        assert ledger.replay() == (Trial(index=0, plan=one),)


def test_another_model_is_refused_by_name_and_values(tmp_path):
    Ledger.open(tmp_path, FINGERPRINTS).close()
    with pytest.raises(LedgerError, match=r"its model differ.*model: ab12 there, ff00 here") as caught:
        Ledger.open(tmp_path, FINGERPRINTS | {"model": "ff00"})
    assert "another folder" in caught.value.fix
    assert "events.jsonl, line 1" in caught.value.where
    with pytest.raises(LedgerError, match=r"versions: none there, 0\.2 here"):
        Ledger.open(tmp_path, FINGERPRINTS | {"versions": "0.2"})


def test_a_ledger_of_a_newer_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("inc_strategy.ledger.FORMAT", 7)
    Ledger.open(tmp_path, FINGERPRINTS).close()
    monkeypatch.undo()
    with pytest.raises(LedgerError, match="format 7; this version reads 1"):
        Ledger.open(tmp_path, FINGERPRINTS)


def test_a_measurement_from_before_a_quantity_was_known_is_read(tmp_path):
    Ledger.open(tmp_path, FINGERPRINTS).close()
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        ledger.proposed(Evaluate(START.default_plan))
    journal, _ = Journal.open(events_file(tmp_path))
    older = {"accuracy": 0.5, "seconds": 2.0}  # without intervals, latency, size and memory
    journal.append({"kind": "finished", "index": 0, "status": "complete", "measurement": older, "error": None, "meets": None})
    journal.close()
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        (trial,) = ledger.replay()
    assert trial.measurement == Measurement(accuracy=0.5, seconds=2.0)


def test_two_writers_refuse_each_other(tmp_path):
    with Ledger.open(tmp_path, FINGERPRINTS):
        with pytest.raises(LedgerError, match=f"in use by process {os.getpid()}"):
            Ledger.open(tmp_path, FINGERPRINTS)
        code = "import sys, pathlib, inc_strategy; inc_strategy.Ledger.open(pathlib.Path(sys.argv[1]), {})"
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
        assert "in use by process" in other.stderr
    Ledger.open(tmp_path, FINGERPRINTS).close()


def test_a_forked_worker_neither_writes_nor_keeps_the_lock(tmp_path):
    ledger = Ledger.open(tmp_path, FINGERPRINTS)
    go_read, go_write = os.pipe()
    said_read, said_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ledger.proposed(Evaluate(START.default_plan))
        except LedgerError as error:
            os.write(said_write, str(error).encode())
        os.close(go_write)
        os.read(go_read, 1)
        os._exit(0)
    try:
        assert b"opened by another process" in os.read(said_read, 1000)
        with pytest.raises(LedgerError, match="in use"):
            Ledger.open(tmp_path, FINGERPRINTS)
        ledger.close()
        Ledger.open(tmp_path, FINGERPRINTS).close()
    finally:
        for descriptor in (go_write, go_read, said_read, said_write):
            os.close(descriptor)
        os.waitpid(child, 0)


def test_a_folder_without_locks_is_used_with_a_warning(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock_module.fcntl, "flock", no_locks)
    with pytest.warns(lock_module.LedgerWarning, match=r"cannot be locked \(No locks available\)"):
        ledger = Ledger.open(tmp_path, FINGERPRINTS)
    assert len(write_trials(ledger, 2)) == 2
    ledger.close()
    monkeypatch.setattr(lock_module, "fcntl", None)
    with pytest.warns(lock_module.LedgerWarning, match="no flock"):
        Ledger.open(tmp_path, FINGERPRINTS).close()


def test_a_closed_ledger_says_so(tmp_path):
    ledger = Ledger.open(tmp_path, FINGERPRINTS)
    done = write_trials(ledger, 1)
    ledger.close()
    ledger.close()
    assert ledger.replay() == tuple(done)
    with pytest.raises(LedgerError, match="closed"):
        ledger.record("late", 1)


def test_a_folder_that_cannot_be_made_is_an_error_with_its_path(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="Cannot write") as caught:
        Ledger.open(tmp_path / "file" / "ledger", FINGERPRINTS)
    assert str(tmp_path / "file") in caught.value.where


def test_a_torn_last_line_is_dropped_wherever_it_was_cut(tmp_path):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        done = write_trials(ledger, 2)
    whole = events_file(tmp_path).read_bytes()
    lines = whole.splitlines(keepends=True)
    kept = b"".join(lines[:-1])
    lost = Trial(index=1, plan=done[1].plan, status=TrialStatus.LOST, error="its process ended before it finished")
    for cut in range(len(lines[-1])):
        events_file(tmp_path).write_bytes(kept + lines[-1][:cut])
        with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
            assert ledger.replay() == (done[0], lost)


def test_a_last_line_that_the_disk_filled_with_zeros_is_dropped(tmp_path):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        done = write_trials(ledger, 2)
    whole = events_file(tmp_path).read_bytes()
    events_file(tmp_path).write_bytes(whole + b"\0" * 300)
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        assert ledger.replay() == tuple(done)
    events_file(tmp_path).write_bytes(whole[:-200] + b"\0" * 199 + b"\n")
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        assert [item.status for item in ledger.replay()] == [TrialStatus.COMPLETE, TrialStatus.LOST]


def corrupted(lines, place, how):
    if how == "changed":
        lines[place] = lines[place].replace(b'"kind"', b'"kinb"')
    elif how == "removed":
        del lines[place]
    elif how == "moved":
        lines[place], lines[place + 1] = lines[place + 1], lines[place]
    else:
        lines[place] = b"{}\n"
    return b"".join(lines)


@pytest.mark.parametrize("how", ["changed", "removed", "moved", "replaced"])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_damage_before_the_end_is_an_error_that_names_the_line(tmp_path, how, place):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        write_trials(ledger, 2)
    lines = events_file(tmp_path).read_bytes().splitlines(keepends=True)
    events_file(tmp_path).write_bytes(corrupted(lines, place, how))
    with pytest.raises(LedgerError, match=f"Line {place + 1} does not fit its checksum") as caught:
        Ledger.open(tmp_path, FINGERPRINTS)
    assert f"line {place + 1}" in caught.value.where


def test_a_changed_or_missing_plan_is_an_error_that_names_the_file(tmp_path):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        write_trials(ledger, 1)
    (path,) = (tmp_path / "plans").iterdir()
    text = path.read_text()
    path.write_text(text.replace('"onnxruntime"', '"torch"'))
    with pytest.raises(LedgerError, match="changed after it was recorded") as caught:
        Ledger.open(tmp_path, FINGERPRINTS)
    assert caught.value.where == str(path)
    for spoiled in (text[:50], "[]", "\udcff"):
        path.write_bytes(spoiled.encode("utf-8", "surrogateescape"))
        with pytest.raises(LedgerError, match="cannot be read"):
            Ledger.open(tmp_path, FINGERPRINTS)
    path.unlink()
    with pytest.raises(LedgerError, match="cannot be read"):
        Ledger.open(tmp_path, FINGERPRINTS)


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "finished", "index": 0, "status": "complete", "measurement": None, "error": None, "meets": None},
        {"kind": "proposed", "index": 5, "action": "evaluate", "plan": "0" * 64},
        {"kind": "proposed", "index": 0, "action": "evaluate", "plan": "../../../etc/passwd"},
        {"kind": "proposed", "index": -1},
        {"kind": "dance", "index": 0},
        {"kind": "started", "index": 0},
        {"index": 0},
        [1],
        {"kind": "fact", "name": ["unhashable"], "value": 1},
    ],
)
def test_events_that_cannot_follow_are_refused_though_their_checksum_is_right(tmp_path, event):
    Ledger.open(tmp_path, FINGERPRINTS).close()
    journal, _ = Journal.open(events_file(tmp_path))
    journal.append(event)
    journal.close()
    with pytest.raises(LedgerError, match="Line 2 is not an event that can follow"):
        Ledger.open(tmp_path, FINGERPRINTS)


def test_a_file_without_a_header_is_refused(tmp_path):
    events_file(tmp_path).write_bytes(b"")
    with pytest.raises(LedgerError, match="does not begin with a ledger's header"):
        Ledger.open(tmp_path, FINGERPRINTS)


def test_recorded_trials_counts_what_counts_towards_max_trials(tmp_path):
    assert recorded_trials(tmp_path) == 0
    whole = START.default_plan
    with Ledger.open(tmp_path, {"model": "a"}) as ledger:
        for status in (TrialStatus.COMPLETE, TrialStatus.FAILED, TrialStatus.LOST):
            index = ledger.proposed(Evaluate(whole))
            ledger.finished(Trial(index=index, plan=whole, status=status))
        probe = Probe("mse", whole, whole.quantized)
        ledger.finished(ProbeResult.of(ledger.proposed(probe), probe))
        ledger.proposed(Evaluate(whole))
        assert recorded_trials(tmp_path) == 2
