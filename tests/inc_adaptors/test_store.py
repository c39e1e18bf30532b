"""The saved folder: round trips, refusals, and what a failing disk or a kill leaves behind."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.roles import SavedModel
from inc_adaptors.store import check_writable, load, save
from inc_config import files
from inc_config.errors import StoreError


def _saved(value: int = 1) -> SavedModel:
    arrays = {"w": np.full((3, 2), value, np.float32), "mask": np.array([True, False]), "scale": np.array(0.5, np.float32)}
    return SavedModel(arrays=arrays, document={"value": value, "ops": ["conv", None]}, files={"model.onnx": bytes([value]) * 10})


def _value(folder: Path) -> int:
    """The one value that every part of a save agrees on."""
    loaded = load(folder)
    values = {int(loaded.model.document["value"]), int(loaded.model.arrays["w"][0, 0]), loaded.model.files["model.onnx"][0]}
    (value,) = values
    return value


def test_a_save_comes_back_and_replaces_an_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for value in (1, 2):
        assert save(_saved(value), folder, extra={"result.json": {"accuracy": 0.5}, "report.html": b"<p>"}) == folder
        loaded = load(folder)
        assert _value(folder) == value
        assert dict(loaded.extra) == {"result.json": {"accuracy": 0.5}, "report.html": b"<p>"}
        assert loaded.model.document["ops"] == ["conv", None]
    assert [path.name for path in folder.parent.iterdir()] == ["b"]


@settings(max_examples=30)
@given(
    arrays=st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
        hnp.arrays(
            st.sampled_from([np.float32, np.float16, np.int8, np.uint8, np.int64, np.bool_]), hnp.array_shapes(min_dims=0, max_dims=3)
        ),
        max_size=3,
    )
)
def test_arrays_come_back_bit_identical(arrays: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("store") / "s"
    save(SavedModel(arrays={name: array.T for name, array in arrays.items()}, document={}), folder)
    got = load(folder).model.arrays
    assert got.keys() == arrays.keys()
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype
        assert got[name].shape == array.T.shape
        assert got[name].tobytes() == array.T.tobytes()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"arrays": {"o": np.array([object()])}}, "'o' of type object"),
        ({"arrays": {"c": np.ones(1, complex)}}, "complex"),
        ({"document": {"x": float("nan")}}, "JSON"),
        ({"document": {"x": np.float32(1)}}, "JSON"),
        ({"files": {"../evil": b""}}, "evil"),
        ({"files": {"/etc/passwd": b""}}, "passwd"),
        ({"files": {"a/b": b""}}, "a/b"),
        ({"files": {".hidden": b""}}, "hidden"),
        ({"files": {"manifest.json": b""}}, "manifest"),
        ({"files": {"document.json": b""}}, "one name"),
    ],
)
def test_what_has_no_place_in_a_save_is_refused_before_writing(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    content: dict[str, Any] = {"arrays": {}, "document": {}} | changes
    with pytest.raises(StoreError, match=what):
        save(SavedModel(**content), tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_extra_content_is_bytes_or_json(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"report\.html"):
        save(_saved(), tmp_path / "s", extra={"report.html": {"a": 1}})


def test_a_foreign_folder_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    for act in (lambda: save(_saved(), tmp_path), lambda: check_writable(tmp_path)):
        with pytest.raises(StoreError, match="not a saved model"):
            act()
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_users_files_beside_a_save_are_not_removed(tmp_path: Path) -> None:
    folder = save(_saved(), tmp_path / "s")
    (folder / "notes.txt").write_text("keep")
    with pytest.raises(StoreError, match=r"notes\.txt"):
        save(_saved(2), folder)
    with pytest.raises(StoreError, match=r"notes\.txt"):
        load(folder)
    (folder / "notes.txt").unlink()
    assert _value(folder) == 1


def test_a_folder_that_cannot_be_written_is_found_before_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/inc"), Path("/proc/inc/deep")):
        with pytest.raises(StoreError):
            check_writable(folder)
        with pytest.raises(StoreError):
            save(_saved(), folder)
    check_writable(tmp_path / "new" / "deep")
    check_writable(save(_saved(), tmp_path / "s"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "s"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="gives up root's rights in a forked child")
def test_a_write_protected_folder_is_refused_and_kept() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is closed to other users
        folder = save(_saved(), Path(name) / "s")
        for path, mode in ((Path(name), 0o777), (folder, 0o555)):
            path.chmod(mode)
        pid = os.fork()
        if pid == 0:
            refusals = 0
            if os.geteuid() == 0:
                os.chown(folder, 65534, 65534)
                os.setuid(65534)
            for act in (lambda: save(_saved(2), folder), lambda: check_writable(folder)):
                try:
                    act()
                except StoreError as error:
                    refusals += "write-protected" in error.what
            os._exit(refusals)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
        assert _value(folder) == 1
        folder.chmod(0o755)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _relink(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("name", ["arrays.safetensors", "document.json", "model.onnx"])
@pytest.mark.parametrize(
    "tamper", [_flip, _relink, _fifo, lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes() + b" ")]
)
def test_a_tampered_folder_is_refused(tmp_path: Path, name: str, tamper: Callable[[Path], None]) -> None:
    folder = save(_saved(), tmp_path / "s")
    tamper(folder / name)
    with pytest.raises(StoreError, match=name):
        load(folder)


def _edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    change(document)
    (folder / "manifest.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda m: m.update(version=2), "format 2"),
        (lambda m: m.update(format="zip"), "not one of a saved model"),
        (lambda m: m["files"][0].update(name="../../etc/passwd"), "passwd"),
        (lambda m: m["files"][0].update(size_bytes=10**18), "claims"),
        (lambda m: m["files"][0].update(size_bytes=-1), "damaged"),
        (lambda m: m["files"][0].update(sha256="0" * 64), "SHA-256"),
        (lambda m: m["files"].append(m["files"][0]), "one name"),
        (lambda m: m["files"].pop(0), "not saved"),
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m["files"][0].update(kind="extra"), "does not list"),
        (lambda m: m.pop("files"), "files"),
    ],
)
def test_a_forged_manifest_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None], what: str) -> None:
    folder = save(_saved(), tmp_path / "s")
    _edit(folder, change)
    with pytest.raises(StoreError, match=what):
        load(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"format": NaN}', "\ud800"])
def test_a_manifest_that_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    folder = save(_saved(), tmp_path / "s")
    (folder / "manifest.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(StoreError):
        load(folder)


def test_damaged_arrays_with_a_fitting_hash_are_refused(tmp_path: Path) -> None:
    folder = save(_saved(), tmp_path / "s")
    # A safetensors header of 2^40 bytes.
    data = (2**40).to_bytes(8, "little") + b"{}"
    (folder / "arrays.safetensors").write_bytes(data)
    _edit(folder, lambda m: m["files"][0].update(size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))
    with pytest.raises(StoreError, match="arrays are damaged"):
        load(folder)


def test_no_folder_and_no_manifest_are_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such folder"):
        load(tmp_path / "absent")
    with pytest.raises(StoreError, match=r"no manifest\.json"):
        load(tmp_path)


CALLS = ("open", "write", "fsync", "close", "rename", "mkdir", "unlink")


class FailingDisk:
    """``os`` whose calls fail: the one numbered ``first`` and ``more`` after it (0: none)."""

    def __init__(self, first: int = 0, more: int = 0) -> None:
        self.failing = range(first, first + more + 1) if first else range(0)
        self.seen: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            self.seen.append(name)
            if len(self.seen) in self.failing:
                if name == "close":
                    real(*args, **kwargs)
                raise OSError(errno.EIO, f"injected at {name}")
            return real(*args, **kwargs)

        return call


@pytest.mark.parametrize("more", [0, 10_000], ids=["one fault", "a dead disk"])
@pytest.mark.parametrize("earlier", [True, False], ids=["replacing", "first save"])
def test_a_fault_at_any_call_leaves_a_whole_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: bool, more: int) -> None:
    folder = tmp_path / "deep" / "s"
    calls = _calls(tmp_path / "dry", monkeypatch, earlier)
    assert {"open", "write", "fsync", "close", "rename", "mkdir"} <= set(calls)
    for first in range(1, len(calls) + 1):
        monkeypatch.setattr(files, "fs", os)
        if earlier:
            save(_saved(1), folder)
        monkeypatch.setattr(files, "fs", FailingDisk(first, more))
        try:
            save(_saved(2), folder)
            failed = False
        except StoreError as error:
            failed = "injected" in error.what
        monkeypatch.setattr(files, "fs", os)
        _assert_whole(folder, earlier=earlier, failed=failed)
        save(_saved(3), folder)
        assert _value(folder) == 3
        assert [path.name for path in folder.parent.iterdir()] == ["s"]
        if not earlier:
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
            folder.parent.rmdir()


def _calls(folder: Path, monkeypatch: pytest.MonkeyPatch, earlier: bool) -> list[str]:
    if earlier:
        save(_saved(1), folder / "s")
    monkeypatch.setattr(files, "fs", counting := FailingDisk())
    save(_saved(2), folder / "s")
    return counting.seen


def _assert_whole(folder: Path, *, earlier: bool, failed: bool) -> None:
    try:
        value: int | str = _value(folder)
    except StoreError as error:
        value = error.what
    assert value in ((1, 2) if earlier else ("No such folder.", 2))
    assert failed or value == 2


KILLS = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_store as t
from inc_config import files

class Killer(t.FailingDisk):
    def __getattr__(self, name):
        call = super().__getattr__(name)
        if name not in t.CALLS:
            return call
        def killed(*args, **kwargs):
            if len(self.seen) + 1 == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)
        return killed

root, seen = Path(sys.argv[1]), []
for earlier in (False, True):
    for at in range(1, 200):
        folder = root / f"{earlier}{at}" / "s"
        if earlier:
            t.save(t._saved(1), folder)
        pid = os.fork()
        if pid == 0:
            files.fs = Killer()
            files.fs.at = at
            t.save(t._saved(2), folder)
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        t._assert_whole(folder, earlier=earlier, failed=status != 0)
        t.save(t._saved(3), folder)
        assert t._value(folder) == 3
        assert [path.name for path in folder.parent.iterdir()] == ["s"]
        if status == 0:
            break
    seen.append(at)
print(*seen)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_a_kill_before_any_call_leaves_a_whole_save(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path), str(Path(__file__).parent)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    first, replacing = map(int, done.stdout.split())
    assert min(first, replacing) > 15
