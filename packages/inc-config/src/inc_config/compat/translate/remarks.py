"""What is collected while a document is translated: notes, and faults of what cannot be said today."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from inc_config.compat.document.model import Framework
from inc_config.compat.document.top import V1Document
from inc_config.compat.notes import Note, NoteCode
from inc_config.errors import Fault, IncError
from inc_config.fields import FieldError

T = TypeVar("T")
S = TypeVar("S")


class Remarks:
    """Notes and faults of one translation; lines are those of the 1.x file."""

    def __init__(self, document: V1Document) -> None:
        self._document = document
        self.framework = Framework.AUTO if document.model is None else document.model.framework
        self.notes: list[Note] = []
        self.faults: list[Fault] = []
        self.origins: dict[str, str] = {}

    def comes_from(self, path: str, today: str) -> None:
        """Remember which part of the 1.x file a part of today's configuration says."""
        self.origins[today] = path

    def changed(self, path: str, text: str, today: str = "") -> None:
        """Said differently today."""
        self._note(NoteCode.CHANGED, path, text, today)

    def dropped(self, path: str, text: str = "It has no effect any more.") -> None:
        """Has no equivalent."""
        self._note(NoteCode.DROPPED, path, text, "")

    def manual(self, path: str, text: str, today: str = "") -> None:
        """Something to pass in code."""
        self._note(NoteCode.MANUAL, path, text, today)

    def not_offered(self, path: str, text: str, today: str = "") -> None:
        """Nothing carries it out yet."""
        self._note(NoteCode.NOT_OFFERED, path, text, today)

    def drop_given(self, section: Any, path: str, names: Iterable[str], text: str = "It has no effect any more.") -> None:
        """A note for each of the keys that the section says."""
        for name in names:
            if getattr(section, name) is not None:
                self.dropped(f"{path}.{name}", text)

    def _note(self, code: NoteCode, path: str, text: str, today: str) -> None:
        key = path.rpartition(".")[2]
        said = text if key == "$" else f"{key}: {text}"
        self.notes.append(Note(code=code, path=path, text=said, line=self._document.line(path), today=today))

    def make(self, path: str, build: Callable[[], T], *, instead: S) -> T | S:
        """What ``build`` makes; ``instead`` and a fault where today's configuration refuses it."""
        try:
            return build()
        except FieldError as error:
            inner = f"{path}.{error.field}"
            self.fault(inner if inner in self._document.places else path, error)
            return instead

    def fault(self, path: str, error: IncError) -> None:
        """Something that today's configuration refuses."""
        line, column = self._document.place(path)
        self.faults.append(Fault(path=path, what=error.what, fix=error.fix, line=line, column=column))
