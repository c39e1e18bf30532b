"""Every file of the corpus loads, round-trips and translates; together they cover every section and framework."""

from pathlib import Path

import attrs
import inc_config
import pytest
from inc_config.cli.migrate import commented
from inc_config.compat import NoteCode, dump_v1, load_v1, translate
from inc_config.compat.document.model import Framework
from inc_config.compat.document.top import Flavour, V1Document
from inc_config.python_code import config_code

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yaml"))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_file_loads_round_trips_and_translates(path):
    before = path.read_bytes()
    document = load_v1(path)
    assert load_v1(path.read_text()) == document
    again = load_v1(dump_v1(document), flavour=document.flavour)
    assert again == document
    assert not any(note.code in (NoteCode.INDENTATION, NoteCode.SYNTAX, NoteCode.SPELLING) for note in again.notes)
    translation = translate(document)
    assert inc_config.load(inc_config.to_yaml(translation.config)) == translation.config
    assert translation.notes[: len(document.notes)] == document.notes
    assert all(note.line for note in translation.notes if note.path not in ("$", "$.quantization", "$.calibration"))
    assert path.read_bytes() == before


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_migrated_file_means_the_translation_and_tells_every_note(path):
    translation = translate(load_v1(path))
    text = commented(translation.config, translation.notes)
    assert inc_config.load(text) == translation.config
    said = " ".join(text.split())
    assert all(" ".join(note.text.split()) in said for note in translation.notes)
    beside = [note for note in translation.notes if note.today and f"  # {' '.join(note.text.split())}" in text]
    assert len(beside) >= len([note for note in translation.notes if note.today.startswith("$.steps[")])


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_printed_python_builds_the_translation(path):
    config = translate(load_v1(path)).config
    names = {}
    exec(config_code(config), names)
    assert names["config"] == config


def test_the_corpus_is_wide():
    documents = [load_v1(path) for path in CORPUS]
    assert len(documents) >= 40
    assert {document.model.framework for document in documents if document.model} == set(Framework)
    sections = [field.name for field in attrs.fields(V1Document) if field.metadata]
    assert [name for name in sections if all(getattr(document, name) is None for document in documents)] == []
    assert {document.flavour for document in documents} == set(Flavour)


def test_a_translation_is_a_pure_function():
    for path in CORPUS:
        document = load_v1(path)
        assert translate(document) == translate(document)
