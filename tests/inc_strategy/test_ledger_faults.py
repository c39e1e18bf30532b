import contextlib
import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from inc_config import files
from inc_config.errors import LedgerError
from inc_strategy import Evaluate, Ledger, Pending, TrialStatus, lock
from inc_strategy.ledger import recorded_trials
from inc_strategy.testing import SimulatedModel, view_of

CALLS = ("open", "write", "fsync", "replace", "ftruncate")


class FaultyFs:
    """Stands in for ``os``: counts the calls that touch the disk and fails from call ``fail_at`` on, ``times`` times."""

    def __init__(self, *, fail_at=None, times=1, code=errno.ENOSPC, half=False):
        self.calls = 0
        self._fail_at = fail_at
        self._left = times
        self._code = code
        self._half = half

    def __getattr__(self, name):
        real = getattr(os, name)
        return self._counted(name, real) if name in CALLS else real

    def _counted(self, name, real):
        def call(*args, **kwargs):
            number = self.calls
            self.calls += 1
            if self._fail_at is None or number < self._fail_at or self._left == 0:
                return real(*args, **kwargs)
            self._left -= 1
            if self._half and name == "write":
                descriptor, data = args
                real(descriptor, bytes(data)[: len(data) // 2])
            raise OSError(self._code, os.strerror(self._code))

        return call


FINGERPRINTS = {"model": "ab12", "data": "cd34"}
MODEL = SimulatedModel.of([0.1] * 5)
START = view_of(MODEL, max_trials=50)


def plans(count):
    whole = START.default_plan
    return [whole.with_float(whole.quantized[:index]) for index in range(count)]


def write_trials(folder, count, done):
    """What a loop does; ``done`` gets the results that were acknowledged."""
    with Ledger.open(folder, FINGERPRINTS) as ledger:
        for plan in plans(count):
            action = Evaluate(plan)
            index = ledger.proposed(action)
            ledger.started(index)
            result = MODEL.answer(Pending(index=index, action=action))
            ledger.finished(result)
            done.append(result)


def count_calls(tmp_path, monkeypatch):
    counting = FaultyFs()
    monkeypatch.setattr(files, "fs", counting)
    write_trials(tmp_path / "dry", 3, [])
    return counting.calls


@pytest.mark.parametrize("half", [False, True], ids=["nothing written", "half written"])
@pytest.mark.parametrize("times", [1, 3, 10**9], ids=["one failure", "three failures", "dead disk"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_a_failure_at_any_disk_call_loses_no_acknowledged_trial(tmp_path, monkeypatch, half, times, code):
    calls = count_calls(tmp_path, monkeypatch)
    assert calls > 30
    for fail_at in range(calls):
        folder = tmp_path / f"{fail_at}"
        monkeypatch.setattr(files, "fs", FaultyFs(fail_at=fail_at, times=times, code=code, half=half))
        done = []
        with pytest.raises(LedgerError) as caught:
            write_trials(folder, 3, done)
        assert os.strerror(code) in caught.value.what
        monkeypatch.setattr(files, "fs", os)
        with Ledger.open(folder, FINGERPRINTS) as ledger:
            items = ledger.replay()
            assert items[: len(done)] == tuple(done)
            assert all(item.status in (TrialStatus.LOST, TrialStatus.COMPLETE) for item in items[len(done) :])
            assert len(items) <= len(done) + 1


def test_after_a_full_disk_has_space_again_the_same_ledger_goes_on(tmp_path, monkeypatch):
    calls = count_calls(tmp_path, monkeypatch)
    expected = tuple(MODEL.answer(Pending(index=i, action=Evaluate(plan))) for i, plan in enumerate(plans(3)))
    monkeypatch.setattr(files, "fs", os)
    for fail_at in range(calls):
        folder = tmp_path / f"{fail_at}"
        monkeypatch.setattr(files, "fs", os)
        with Ledger.open(folder, FINGERPRINTS) as ledger:
            monkeypatch.setattr(files, "fs", FaultyFs(fail_at=fail_at, half=True))
            for plan in plans(3):
                index = twice(lambda plan=plan: ledger.proposed(Evaluate(plan)))
                twice(lambda index=index: ledger.started(index))
                twice(lambda index=index: ledger.finished(expected[index]))
            assert ledger.replay() == expected
        monkeypatch.setattr(files, "fs", os)
        with Ledger.open(folder, FINGERPRINTS) as ledger:
            assert ledger.replay() == expected


def test_a_disk_that_stays_broken_is_an_error_at_every_further_use(tmp_path, monkeypatch):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        monkeypatch.setattr(files, "fs", FaultyFs(fail_at=0, times=10**9))
        for use in (
            lambda: ledger.record("a", 1),
            ledger.replay,
            lambda: ledger.facts,
            lambda: ledger.proposed(Evaluate(START.default_plan)),
        ):
            with pytest.raises(LedgerError, match="No space left"):
                use()
        monkeypatch.setattr(files, "fs", os)
        ledger.record("a", 2)
        assert ledger.facts == {"a": 2}


def test_damage_that_is_met_after_a_failure_is_an_error(tmp_path, monkeypatch):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        monkeypatch.setattr(files, "fs", FaultyFs(fail_at=0))
        with pytest.raises(LedgerError, match="No space left"):
            ledger.record("a", 1)
        (tmp_path / "events.jsonl").write_bytes(b"{}\n")
        with pytest.raises(LedgerError, match="Line 1 does not fit"):
            ledger.replay()


def test_a_torn_line_that_cannot_be_cut_off_is_an_error_and_is_cut_off_later(tmp_path, monkeypatch):
    Ledger.open(tmp_path, FINGERPRINTS).close()
    path = tmp_path / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"sum":"0123')
    errors = 0
    for fail_at in range(10):
        monkeypatch.setattr(files, "fs", FaultyFs(fail_at=fail_at, times=10**9))
        with contextlib.suppress(LedgerError):
            Ledger.open(tmp_path, FINGERPRINTS).close()
            break
        errors += 1
    assert errors > 3
    assert path.read_bytes() == whole


class ShortFs(FaultyFs):
    """A disk that takes as few bytes at a time as the system call may: one, or at random up to all."""

    def __init__(self, most):
        super().__init__()
        self._chance = random.Random(most)
        self._most = most

    def __getattr__(self, name):
        real = getattr(os, name)
        if name != "write":
            return real

        def write(descriptor, data):
            self.calls += 1
            return real(descriptor, bytes(data)[: self._chance.randint(1, self._most)])

        return write


@pytest.mark.parametrize("most", [1, 100])
def test_writes_that_come_up_short_are_finished(tmp_path, monkeypatch, most):
    short = ShortFs(most)
    monkeypatch.setattr(files, "fs", short)
    done = []
    write_trials(tmp_path, 2, done)
    assert short.calls > 100
    monkeypatch.setattr(files, "fs", os)
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        assert ledger.replay() == tuple(done)


class FullAfter(FaultyFs):
    """A disk with room for so many more bytes: the write that fills it comes up short, as POSIX has it, and the next one fails."""

    def __init__(self, room):
        super().__init__()
        self._room = room

    def __getattr__(self, name):
        real = getattr(os, name)
        if name != "write":
            return real

        def write(descriptor, data):
            if self._room == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written = real(descriptor, bytes(data)[: self._room])
            self._room -= written
            return written

        return write


def test_a_disk_that_is_full_at_any_byte_loses_no_acknowledged_trial(tmp_path, monkeypatch):
    write_trials(tmp_path / "dry", 2, [])
    size = sum(path.stat().st_size for path in (tmp_path / "dry").rglob("*") if path.is_file())
    for room in range(0, size - 100, 61):
        folder = tmp_path / f"{room}"
        monkeypatch.setattr(files, "fs", FullAfter(room))
        done = []
        with pytest.raises(LedgerError, match="No space left"):
            write_trials(folder, 2, done)
        monkeypatch.setattr(files, "fs", os)
        with Ledger.open(folder, FINGERPRINTS) as ledger:
            items = ledger.replay()
        assert items[: len(done)] == tuple(done)
        assert len(items) <= len(done) + 1
        assert not list(folder.rglob("*.tmp"))


def test_a_failure_to_close_changes_nothing_and_gives_the_lock_back(tmp_path, monkeypatch):
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        ledger.record("a", 1)

        class Unclosing(FaultyFs):
            def __getattr__(self, name):
                real = getattr(os, name)
                if name != "close":
                    return real

                def close(descriptor):
                    real(descriptor)
                    raise OSError(errno.EIO, os.strerror(errno.EIO))

                return close

        monkeypatch.setattr(files, "fs", Unclosing())
    monkeypatch.setattr(files, "fs", os)
    with Ledger.open(tmp_path, FINGERPRINTS) as ledger:
        assert ledger.facts == {"a": 1}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_lock_that_cannot_be_made_is_an_error_with_the_folder(tmp_path, monkeypatch, code):
    class NoLock(FaultyFs):
        def __getattr__(self, name):
            return getattr(os, name)

        def open(self, *_, **__):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(lock, "os", NoLock())
    with pytest.raises(LedgerError, match=os.strerror(code)) as caught:
        Ledger.open(tmp_path, FINGERPRINTS)
    assert caught.value.where == str(tmp_path)


def test_a_file_that_cannot_be_read_is_an_error_with_its_path(tmp_path):
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(LedgerError, match="Cannot read: Is a directory") as caught:
        recorded_trials(tmp_path)
    assert caught.value.where == str(tmp_path / "events.jsonl")
    with pytest.raises(LedgerError, match="Cannot read: Is a directory"):
        Ledger.open(tmp_path, FINGERPRINTS)


def twice(call):
    try:
        return call()
    except LedgerError:
        return call()


def test_an_interrupt_inside_a_write_leaves_the_ledger_usable(tmp_path, monkeypatch):
    class Interrupting(FaultyFs):
        def _counted(self, name, real):
            def call(*args, **kwargs):
                result = real(*args, **kwargs)
                self.calls += 1
                if self.calls == self._fail_at:
                    raise KeyboardInterrupt
                return result

            return call

    expected = tuple(MODEL.answer(Pending(index=i, action=Evaluate(plan))) for i, plan in enumerate(plans(2)))
    for stop_at in range(1, 14):
        folder = tmp_path / f"{stop_at}"
        with Ledger.open(folder, FINGERPRINTS) as ledger:
            monkeypatch.setattr(files, "fs", Interrupting(fail_at=stop_at))
            with contextlib.suppress(KeyboardInterrupt):
                for plan in plans(2):
                    action = Evaluate(plan)
                    index = ledger.proposed(action)
                    ledger.finished(MODEL.answer(Pending(index=index, action=action)))
            monkeypatch.setattr(files, "fs", os)
            for item in ledger.replay():
                if isinstance(item, Pending):
                    ledger.finished(MODEL.answer(item))
            known = ledger.replay()
            assert known == expected[: len(known)]
        with Ledger.open(folder, FINGERPRINTS) as ledger:
            assert ledger.replay() == known


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is tested where processes can be forked")
def test_a_search_that_is_killed_at_random_points_loses_and_repeats_nothing(tmp_path):
    """200 rounds over several ledgers, forked by a process of one thread: a fork of many threads may stand still at somebody's lock."""
    script = Path(__file__).parent / "killed_rounds.py"
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2
