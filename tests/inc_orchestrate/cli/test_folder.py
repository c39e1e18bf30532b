from __future__ import annotations

from pathlib import Path

import pytest
from inc_config.errors import StoreError
from inc_orchestrate.cli.folder import LEDGER, MARKER, check, claim, release

COMMAND = "inc quantize m.onnx -o out"


def take(folder: Path, *, resume: bool = False, force: bool = False) -> None:
    claim(folder, command_line=COMMAND, resume=resume, force=force)


def test_a_new_or_empty_folder_is_taken(tmp_path: Path) -> None:
    take(tmp_path)
    take(tmp_path / "new" / "below")
    assert (tmp_path / "new" / "below" / MARKER).is_file()


@pytest.mark.parametrize(("resume", "force"), [(False, False), (True, False), (False, True)])
def test_a_folder_of_others_is_never_touched(tmp_path: Path, resume: bool, force: bool) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match=r"thesis\.tex"):
        take(tmp_path, resume=resume, force=force)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_earlier_run_is_named_and_kept(tmp_path: Path) -> None:
    take(tmp_path)
    with pytest.raises(StoreError, match=rf"(?s){COMMAND}.*--resume.*--force"):
        take(tmp_path)


def test_resume_keeps_everything(tmp_path: Path) -> None:
    take(tmp_path)
    (tmp_path / LEDGER).mkdir()
    (tmp_path / LEDGER / "events").write_text("trial")
    take(tmp_path, resume=True)
    assert (tmp_path / LEDGER / "events").read_text() == "trial"


def test_force_removes_what_a_run_wrote_and_nothing_else(tmp_path: Path) -> None:
    take(tmp_path)
    (tmp_path / LEDGER).mkdir()
    (tmp_path / LEDGER / "events").write_text("trial")
    (tmp_path / "model.onnx").write_text("model")
    (tmp_path / "notes.txt").write_text("mine")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    (tmp_path / "saved").symlink_to(elsewhere)
    take(tmp_path, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", MARKER]
    assert (elsewhere / "kept").read_text() == "kept"


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    for path in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(StoreError, match=r"(?s)output folder .*where: .*out.*-o"):
            take(path)


def test_a_marker_that_cannot_be_read_still_marks_the_folder(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_bytes(b"\xff{")
    with pytest.raises(StoreError, match="cannot be read"):
        take(tmp_path)
    take(tmp_path, force=True)


def test_a_claim_without_a_trial_is_given_up_with_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    take(out)
    (out / LEDGER / "plans").mkdir(parents=True)
    release(out)
    assert not out.exists()


def test_a_claim_with_a_trial_is_kept(tmp_path: Path) -> None:
    take(tmp_path)
    (tmp_path / LEDGER).mkdir()
    (tmp_path / LEDGER / "events").write_text("trial")
    release(tmp_path)
    assert (tmp_path / LEDGER / "events").exists()
    assert (tmp_path / MARKER).exists()


def test_giving_up_leaves_what_is_not_ours(tmp_path: Path) -> None:
    take(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    release(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_checking_writes_nothing(tmp_path: Path) -> None:
    check(tmp_path / "new", resume=False, force=False)
    assert not list(tmp_path.iterdir())
    take(tmp_path)
    (tmp_path / "model.onnx").write_text("model")
    check(tmp_path, resume=False, force=True)
    assert (tmp_path / "model.onnx").exists()
