import io

import pytest
from inc_orchestrate import Progress
from inc_orchestrate.progress import as_progress
from rich.console import Console


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, force_terminal=terminal, width=80), stream


def test_bars_show_how_far_and_how_long_on_a_terminal() -> None:
    shown, stream = console(terminal=True)
    progress = Progress(console=shown)
    with progress.bar("train", 4) as outer, progress.bar("calibrate") as inner:
        outer(3, None)
        inner(5, 10)
    text = stream.getvalue()
    assert "train" in text
    assert "3/4" in text
    assert "5/10" in text
    assert ":" in text.partition("3/4")[2]  # the time left


def test_bars_are_silent_elsewhere_but_notes_are_not() -> None:
    shown, stream = console(terminal=False)
    progress = Progress(console=shown)
    with progress.bar("train", 4) as advance:
        advance(3, None)
    progress.note("the [calibration] data is small")
    progress.note("the [calibration] data is small")
    assert stream.getvalue() == "note: the [calibration] data is small\n"
    assert progress.notes == ["the [calibration] data is small"]


def test_quiet_prints_nothing_and_keeps_notes() -> None:
    shown, stream = console(terminal=True)
    progress = Progress(console=shown, quiet=True)
    with progress.bar("train", 4) as advance:
        advance(1, None)
    progress.say("hello")
    progress.note("kept")
    assert stream.getvalue() == ""
    assert progress.notes == ["kept"]
    assert as_progress(progress) is progress


def test_a_bar_ends_when_its_block_raises() -> None:
    shown, _ = console(terminal=True)
    progress = Progress(console=shown)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), progress.bar("train", 4):
            _ = 1 / 0
