"""Read a 1.x or LPOT file."""

from __future__ import annotations

import os
import re

import attrs
import yaml

from inc_config.collection import paused_collection
from inc_config.compat.context import Context
from inc_config.compat.document.top import DOCUMENT, Flavour, V1Document
from inc_config.compat.mend import mended
from inc_config.compat.nodes import Entry, Mapping, Node
from inc_config.compat.notes import NoteCode
from inc_config.compat.parser import Parser, Refused
from inc_config.compat.prepare import Prepared, readings
from inc_config.compat.punctuation import MAX_MENDED
from inc_config.compat.settle import settle
from inc_config.compat.sources import text_of
from inc_config.errors import ConfigError, Fault
from inc_config.yaml_reader import MAX_CHARACTERS, fault_of

_FLAVOUR = re.compile(r"\blpot\b|\bmagnitude[:：]", re.IGNORECASE)
_STEPS = {"quantization", "pruning", "distillation", "mixed_precision", "graph_optimization", "nas"}
"""Sections that say something even where ``...`` stands for all they hold: that there is such a step."""
_EXCERPTS = {"evaluation", "pruning", "distillation", "auto_distillation", "nas", "train", "mixed_precision", "graph_optimization"}
"""Sections that documents show on their own. A text of only these may come without a model; a file for tuning may not."""


@paused_collection()
def load_v1(source: str | os.PathLike[str], *, flavour: Flavour | None = None) -> V1Document:
    """Read a Neural Compressor 1.x or LPOT 1.2 YAML file; the file is only read.

    Args:
        source: a path, or the text itself (a string with a line break, or one that is no file and does not end in .yaml or .yml).
        flavour: for which reader it was written; by default LPOT where the text mentions ``lpot`` or prunes by ``magnitude:``.

    Returns:
        What the file says, with notes about spellings that the old reader refused and that were understood nevertheless.

    Raises:
        ConfigError: the file cannot be read, or has faults; all are listed with path, line, column, value and fix.
    """
    name, text = text_of(source)
    if len(text) > MAX_CHARACTERS:
        what = f"The text has {len(text)} characters, more than {MAX_CHARACTERS}."
        raise ConfigError([Fault(path="$", what=what, fix="give a configuration file")], source=name)
    if flavour is None:
        flavour = Flavour.LPOT if _FLAVOUR.search(text) else Flavour.V1
    document, context = _first_that_fits(text, is_lpot=flavour is Flavour.LPOT)
    if document is None:
        raise ConfigError(sorted(dict.fromkeys(context.faults), key=lambda fault: (fault.line or 0, fault.column or 0)), source=name)
    notes = sorted(context.notes, key=lambda note: note.line or 0)
    return attrs.evolve(document, flavour=flavour, notes=tuple(notes), places=context.places, source=name)


def _first_that_fits(text: str, *, is_lpot: bool) -> tuple[V1Document | None, Context]:
    """The document as the text stands, or as it was meant; else None and the faults of the last reading that is YAML."""
    contexts: list[Context] = []
    for candidate in readings(text):
        document, context = _read(candidate, is_lpot=is_lpot)
        if document is None and context.is_text_unreadable and len(text) <= MAX_MENDED:
            document, context = _mended(candidate, context)
        if document is not None:
            return document, context
        contexts.append(context)
    return None, ([context for context in contexts if not context.is_text_unreadable] or contexts)[-1]


def _read(prepared: Prepared, *, is_lpot: bool) -> tuple[V1Document | None, Context]:
    """The document, or None and the faults."""
    context = Context(is_lpot=is_lpot)
    context.notes += prepared.notes
    parser = Parser(prepared.text, prepared.open_keys, prepared.loose)
    try:
        node = parser.document()
    except (yaml.YAMLError, UnicodeError) as error:
        context.faults.append(fault_of(error, prepared.text))
        context.is_text_unreadable = True
        return None, context
    except Refused as refused:
        context.faults.append(refused.fault)
        return None, context
    context.faults += parser.faults
    steps = _cut_short(node)
    defaults = {entry.place for entry in steps}
    for what, place in parser.elided:
        read = "read with its defaults" if place in defaults else "read as absent"
        context.note(NoteCode.ELISION, place, "$", f"'...' leaves out {what}: it is {read}. Complete it in the file or in code.")
    if isinstance(node, Mapping):
        node.entries += steps
    document = _document(node, context)
    return None if context.faults else document, context


def _mended(prepared: Prepared, unreadable: Context) -> tuple[V1Document | None, Context]:
    """What the first mended text without faults says, with a note per changed line; else the fault of the text as it stands."""
    for candidate in mended(prepared.text):
        document, context = _read(attrs.evolve(prepared, text=candidate), is_lpot=unreadable.is_lpot)
        if document is None:
            continue
        for number, (old, new) in enumerate(zip(prepared.text.split("\n"), candidate.split("\n"), strict=True), start=1):
            if old != new:
                code = NoteCode.SYNTAX if old.strip() != new.strip() else NoteCode.INDENTATION
                context.note(code, (number, 1), "$", f"The line is no YAML as it stands; read as:\n{new}")
        return document, context
    return None, unreadable


def _cut_short(node: Node) -> list[Entry]:
    """The sections of steps of which ``...`` is all that is written, without anything in them."""
    left_out = node.left_out if isinstance(node, Mapping) else ()
    return [Entry(key, place, Mapping(place, [], flow=True, elided=True)) for key, place in left_out if key in _STEPS]


def _document(node: Node, context: Context) -> V1Document | None:
    node = settle(node, DOCUMENT, context)
    if not isinstance(node, Mapping):
        context.fault(node, "$", "This is no document of sections.", "give sections such as model and quantization; is it a missing file?")
        return None
    context.places["$"] = node.place
    keys = {entry.key for entry in node.entries}
    if "model" not in keys:
        if node.elided or (keys and keys <= _EXCERPTS):
            text = "There is no model section: this is an excerpt. The framework is found out from the model that is given."
            context.note(NoteCode.EXCERPT, node.place, "$", text)
        else:
            fix = "add 'model:' with name and framework below it, such as framework: pytorch"
            context.fault(node, "$", "Missing section 'model'.", fix)
    made: V1Document | None = DOCUMENT.read(node, "$", context)
    return made
