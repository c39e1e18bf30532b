"""What is collected while a document is read: faults, notes and places."""

from __future__ import annotations

from collections.abc import Iterator

from inc_config.compat.nodes import Entry, Mapping, Node, Place
from inc_config.compat.notes import Note, NoteCode
from inc_config.errors import Fault


class Context:
    """One reading of one document."""

    def __init__(self, *, is_lpot: bool = False) -> None:
        self.is_lpot = is_lpot
        self.is_text_unreadable = False
        self.faults: list[Fault] = []
        self.notes: list[Note] = []
        self.places: dict[str, Place] = {}

    def fault(self, node: Node, path: str, what: str, fix: str) -> None:
        """Report a node."""
        self.fault_at(node.place, path, what, fix)

    def fault_at(self, place: Place, path: str, what: str, fix: str) -> None:
        """Report a place of the text."""
        self.faults.append(Fault(path=path, what=what, fix=fix, line=place[0], column=place[1]))

    def note(self, code: NoteCode, place: Place, path: str, text: str) -> None:
        """Remark on a place of the text."""
        self.notes.append(Note(code=code, path=path, text=text, line=place[0]))

    def left_out(self, path: str, place: Place) -> None:
        """A section that the author cut short so far that it says nothing."""
        self.note(NoteCode.ELISION, place, path, "'...' leaves out what this section needs: it is read as absent. Complete it in code.")

    def unique(self, node: Mapping, path: str) -> Iterator[Entry]:
        """The entries of a mapping; a key that stands twice is a fault."""
        first: dict[str, int] = {}
        for entry in node.entries:
            if entry.key in first:
                what = f"The key {entry.key!r:.100} stands twice; first in line {first[entry.key]}."
                self.fault_at(entry.place, f"{path}.{entry.key}", what, "keep one of them")
            else:
                first[entry.key] = entry.place[0]
                yield entry
