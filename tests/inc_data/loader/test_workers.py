from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from pathlib import Path

import numpy as np
import pytest
from inc_data import ArrayDataset, Compose, DataLoader, ImageFolder, RandomCrop, RandomHorizontalFlip, ToArray

WORKERS = [("threads", 1), ("threads", 3), ("processes", 2)]


def images():
    return np.random.default_rng(0).integers(0, 256, (37, 6, 6, 3), dtype=np.uint8)


def drawing():
    return ArrayDataset(images(), np.arange(37), transform=Compose([RandomCrop(4), RandomHorizontalFlip()]))


@pytest.mark.parametrize(("workers", "count"), WORKERS)
def test_batches_are_the_same_for_any_number_of_workers(workers, count):
    def epochs(**options):
        loader = DataLoader(drawing(), 5, shuffle=True, seed=2, **options)
        return [batch for _ in range(2) for batch in loader]

    for (x, y), (x2, y2) in zip(epochs(), epochs(num_workers=count, workers=workers), strict=True):
        assert np.array_equal(x, x2)
        assert np.array_equal(y, y2)


class Slow:
    """Later items are faster: without order they would overtake."""

    def __len__(self):
        return 20

    def __getitem__(self, index):
        time.sleep(0.01 if index % 4 == 0 else 0.0)
        return index


def test_fast_batches_do_not_overtake_slow_ones():
    assert [batch.item() for batch in DataLoader(Slow(), num_workers=4)] == list(range(20))


class Counting:
    """Counts what was read."""

    def __init__(self, length=1000):
        self.length = length
        self.read = 0

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        self.read += 1
        return index


@pytest.mark.parametrize(("count", "prefetch"), [(1, 1), (2, 3)])
def test_what_is_read_ahead_is_bounded(count, prefetch):
    data = Counting()
    batches = iter(DataLoader(data, 2, num_workers=count, prefetch=prefetch))
    next(batches)
    time.sleep(0.1)
    assert data.read <= 2 * (count * prefetch + 1)
    batches.close()


def inc_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("inc-data")]


def test_no_worker_is_left_however_the_loop_ends():
    for batch in DataLoader(Counting(), 2, num_workers=3):
        if batch[0] > 4:
            break
    del batch
    assert not inc_threads()
    with pytest.raises(KeyboardInterrupt):
        _interrupted(DataLoader(Counting(), 2, num_workers=3))
    assert not inc_threads()
    reading = iter(DataLoader(ArrayDataset(images()), 2, num_workers=2, workers="processes"))
    next(reading)
    reading.close()
    assert multiprocessing.active_children() == []


def _interrupted(loader):
    for _ in loader:
        raise KeyboardInterrupt


class Broken(list):
    def __getitem__(self, index):
        return 1 // (index - 2)


class Custom(Exception):
    def __init__(self, *, code):
        super().__init__(f"code {code}")


class RaisesCustom(list):
    def __getitem__(self, index):
        raise Custom(code=index)


@pytest.mark.parametrize(("workers", "count"), WORKERS)
def test_an_error_in_an_item_names_the_item(workers, count):
    with pytest.raises(ZeroDivisionError) as caught:
        list(DataLoader(Broken(range(4)), num_workers=count, workers=workers))
    assert caught.value.__notes__[0] == "while reading item 2 of Broken"
    assert not inc_threads()


def test_an_exception_that_cannot_travel_still_arrives_with_its_text():
    with pytest.raises(RuntimeError, match="Custom: code 0") as caught:
        list(DataLoader(RaisesCustom([1]), num_workers=1, workers="processes"))
    assert "while reading item 0" in caught.value.__notes__[0]
    assert "in a worker process" in caught.value.__notes__[1]


class Kills(list):
    def __getitem__(self, index):
        if index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


def test_a_worker_that_dies_is_noticed():
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="A worker process died"):
        list(DataLoader(Kills(range(8)), num_workers=2, workers="processes"))
    assert time.monotonic() - start < 60
    assert multiprocessing.active_children() == []


def test_what_cannot_be_sent_to_a_process_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"cannot be sent to a worker process(?s:.*)workers='threads'"):
        list(DataLoader(ArrayDataset(images(), transform=lambda image: image), num_workers=1, workers="processes"))
    assert multiprocessing.active_children() == []


def test_a_script_without_a_main_guard_ends_with_a_hint(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from inc_data import DataLoader\nlist(DataLoader([1, 2], num_workers=1, workers='processes'))\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "__name__ == '__main__'" in done.stderr


class Stream:
    def __init__(self, count, fails_at=None):
        self.count = count
        self.fails_at = fails_at
        self.given = 0

    def __iter__(self):
        for index in range(self.count):
            if index == self.fails_at:
                raise OSError("the line is cut")
            self.given += 1
            yield index


def test_a_stream_is_read_ahead_by_one_thread_in_its_order():
    stream = Stream(1000)
    loader = DataLoader(stream, 2, num_workers=2)
    reading = iter(loader)
    assert next(reading).tolist() == [0, 1]
    time.sleep(0.1)
    assert stream.given <= 2 * 6
    reading.close()
    assert not inc_threads()
    assert [batch.tolist() for batch in DataLoader(Stream(5), 2, num_workers=2)] == [[0, 1], [2, 3], [4]]
    with pytest.raises(OSError, match="line is cut"):
        list(DataLoader(Stream(5, fails_at=3), 2, num_workers=1))


@pytest.fixture
def folder(tmp_path: Path, save_image: Callable[..., Path]) -> Path:
    for level in range(6):
        save_image(tmp_path / "a" / f"{level}.png", level=level)
    for level in (1, 4):
        (tmp_path / "a" / f"{level}.png").write_bytes(b"damaged")
    return tmp_path


@pytest.mark.parametrize(("workers", "count"), [("threads", 0), *WORKERS])
def test_bad_files_are_skipped_and_counted_when_asked(folder, caplog, workers, count):
    data = ImageFolder(folder, transform=ToArray())
    with pytest.raises(ValueError, match=r"a/1\.png"):
        list(DataLoader(data, 2, num_workers=count, workers=workers))
    loader = DataLoader(data, 2, num_workers=count, workers=workers, on_error="skip")
    with caplog.at_level(logging.WARNING, "inc_data"):
        batches = list(loader)
    assert [inputs[:, 0, 0, 0].tolist() for inputs, _ in batches] == [[0], [2, 3], [5]]
    assert loader.skipped == 2
    assert "2 items were skipped, the first is item 1" in caplog.text
    assert "1.png" in caplog.text


def test_a_batch_of_nothing_but_bad_files_is_left_out_and_all_bad_is_an_error(folder):
    data = ImageFolder(folder, transform=ToArray())
    assert len(list(DataLoader(data, 1, on_error="skip"))) == 4
    for level in (0, 2, 3, 5):
        (folder / "a" / f"{level}.png").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"No item could be read(?s:.*)0\.png"):
        list(DataLoader(data, 2, on_error="skip"))


def test_mistakes_in_code_are_never_skipped():
    with pytest.raises(ZeroDivisionError):
        list(DataLoader(Broken(range(4)), on_error="skip"))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"num_workers": -1}, ValueError, "num_workers must be at least 0"),
        ({"prefetch": 0}, ValueError, "prefetch must be at least 1"),
        ({"workers": "process"}, ValueError, "one of processes, threads"),
        ({"on_error": "ignore"}, ValueError, "one of raise, skip"),
    ],
)
def test_options_that_cannot_be_are_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        DataLoader([1], **options)
    with pytest.raises(TypeError, match="Stream cannot be used with on_error='skip'"):
        DataLoader(Stream(3), on_error="skip")


class Hangs(list):
    def __getitem__(self, index):
        if index == 3:
            time.sleep(60)
        return index


@pytest.mark.parametrize(("workers", "count"), WORKERS)
def test_a_worker_that_hangs_is_an_error_after_the_timeout(workers, count):
    start = time.monotonic()
    timeout_s = 0.3 if workers == "threads" else 8.0
    with pytest.raises(TimeoutError, match=rf"No batch came within {timeout_s:g} s(?s:.*)raise timeout_s"):
        list(DataLoader(Hangs(range(8)), num_workers=count, workers=workers, timeout_s=timeout_s))
    assert time.monotonic() - start < 45
    assert multiprocessing.active_children() == []


def test_a_thread_that_hangs_does_not_keep_python_alive(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import time\nfrom inc_data import DataLoader\n"
        "class Hangs(list):\n    def __getitem__(self, index):\n        time.sleep(600)\n"
        "list(DataLoader(Hangs([1]), num_workers=1, timeout_s=0.2))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "TimeoutError: No batch came within 0.2 s" in done.stderr


class TimesOut(list):
    def __getitem__(self, index):
        raise TimeoutError("the server is slow")


def test_a_timeout_of_the_dataset_itself_stays_what_it_is():
    with pytest.raises(TimeoutError, match="the server is slow"):
        list(DataLoader(TimesOut([1]), num_workers=1, timeout_s=30))


def large_then_killed(items):
    """Let a process be killed while it is half way through sending a batch that is larger than a pipe's buffer."""
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return np.ones(64 << 20, np.uint8)


def slow_reader(monkeypatch):
    """Make the pipe's reader slow, so that the sender is still at it when it is killed."""
    read = connection.Connection._recv

    def slowly(self, size, *args):
        if size > 1 << 20:
            time.sleep(1.5)
        return read(self, size, *args)

    monkeypatch.setattr(connection.Connection, "_recv", slowly)


@pytest.mark.timeout(60)
def test_a_worker_that_dies_while_it_sends_a_batch_is_noticed(monkeypatch):
    slow_reader(monkeypatch)
    with pytest.raises(RuntimeError, match=r"A worker process died \(exit code -9\) while reading items 0, 1"):
        list(DataLoader(list(range(8)), 2, num_workers=2, workers="processes", collate=large_then_killed))
    assert multiprocessing.active_children() == []


def test_leaving_the_loop_does_not_wait_for_a_process_that_hangs():
    start = time.monotonic()
    reading = iter(DataLoader(Hangs(range(8)), num_workers=2, workers="processes"))
    next(reading)
    reading.close()
    assert time.monotonic() - start < 40
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("options", [{"timeout_s": 5}, {"timeout_s": 0, "num_workers": 1}, {"timeout_s": float("nan"), "num_workers": 1}])
def test_a_timeout_that_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="timeout_s"):
        DataLoader([1], **options)
