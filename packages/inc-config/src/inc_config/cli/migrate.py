"""Write a 1.x file in today's words, with a comment on each line that changed meaning."""

from __future__ import annotations

from collections.abc import Iterable

from inc_config.brief import brief
from inc_config.compat import Note
from inc_config.errors import Fault
from inc_config.io import to_yaml
from inc_config.pipeline import PipelineConfig
from inc_config.yaml_reader import Document, read_yaml


def commented(config: PipelineConfig, notes: Iterable[Note]) -> str:
    """YAML without defaults; notes stand on the line they belong to, those without a line above everything."""
    text = to_yaml(brief(config))
    document = read_yaml(text)
    lines = text.splitlines()
    head: list[str] = []
    for note in notes:
        words = " ".join(note.text.split())
        if note.today:
            number = _line(document, note.today)
            lines[number - 1] += f"  # {words}"
        else:
            place = note.path.removeprefix("$").removeprefix(".")
            head.append(f"# {place}: {words}" if place else f"# {words}")
    return "\n".join((*head, *lines)) + "\n"


def _line(document: Document, path: str) -> int:
    """The line of a path, or of the nearest thing around it (what equals its default is not written)."""
    return document.locate(Fault(path=path, what="", fix="")).line or 1
