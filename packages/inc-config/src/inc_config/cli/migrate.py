"""Write a 1.x file in today's words, with a comment on each line that changed meaning."""

from __future__ import annotations

from collections.abc import Iterable

from inc_config.brief import brief
from inc_config.compat import Note
from inc_config.io import to_yaml
from inc_config.pipeline import PipelineConfig
from inc_config.yaml_reader import Document, read_yaml


def commented(config: PipelineConfig, notes: Iterable[Note]) -> str:
    """YAML without defaults; notes stand on the line they belong to, those about what is not written there above everything."""
    text = to_yaml(brief(config))
    document = read_yaml(text)
    lines = text.splitlines()
    head: list[str] = []
    for note in notes:
        words = _on_one_line(note.text)
        number = _line(document, note.today)
        if number is not None:
            lines[number - 1] += f"  # {words}"
        else:
            section = _on_one_line(note.path).removeprefix("$").removeprefix(".").rpartition(".")[0]
            head.append(f"# {section}.{words}" if section else f"# {words}")
    return "\n".join((*head, *lines)) + "\n"


def _on_one_line(text: str) -> str:
    """Words that can stand in a comment."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))


def _line(document: Document, path: str) -> int | None:
    """The line of a path, or of the nearest section around it (what equals its default is not written); None where there is none."""
    place = document.nearest(path) if path else "$"
    return None if place == "$" else document.places[place][0]
