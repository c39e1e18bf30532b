"""Progress on the terminal: bars with the time left, and notes; bars are silent where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

Advance = Callable[[int, int | None], None]


class Progress:
    """Shows what is going on.

    Args:
        console: where to; standard error by default. Bars appear only where it is a terminal, notes always.
        quiet: show nothing at all; notes are still collected.
    """

    def __init__(self, *, console: Console | None = None, quiet: bool = False) -> None:
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self._bars: Bars | None = None
        self.notes: list[str] = []

    @contextmanager
    def bar(self, description: str, total: int | None = None) -> Iterator[Advance]:
        """Show a bar while the block runs; call what it yields with the number done and, when it becomes known, the total."""
        if self._quiet or not self._console.is_terminal:
            yield _ignore
            return
        outer = self._bars is None
        bars = self._bars or Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        if outer:
            self._bars = bars
            bars.start()
        task = bars.add_task(description, total=total)
        try:
            yield _advance(bars, task)
        finally:
            bars.refresh()
            bars.remove_task(task)
            if outer:
                bars.stop()
                self._bars = None

    def say(self, text: str) -> None:
        """Print one line."""
        if not self._quiet:
            self._console.print(text, markup=False, highlight=False)

    def note(self, text: str) -> None:
        """Print something the user should know, and keep it for the result."""
        if text not in self.notes:
            self.notes.append(text)
            self.say(f"note: {text}")


def _ignore(done: int, total: int | None = None) -> None:
    """Where nobody watches."""


def _advance(bars: Bars, task: TaskID) -> Advance:
    def advance(done: int, total: int | None = None) -> None:
        if total is not None:
            bars.update(task, total=total)
        bars.update(task, completed=done)

    return advance


def as_progress(progress: Progress | bool) -> Progress:
    """Accept True (show), False (quiet) or a ``Progress``."""
    return progress if isinstance(progress, Progress) else Progress(quiet=not progress)
