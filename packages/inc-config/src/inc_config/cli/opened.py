"""A file of today or of 1.x, read: its configuration, its notes, and where things stand in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import attrs

from inc_config.compat import Note, load_v1, translate
from inc_config.errors import ConfigError, Fault
from inc_config.io import build, read_document, text_of
from inc_config.offered import is_beside_the_point, not_offered
from inc_config.pipeline import PipelineConfig

_TODAY = re.compile(r"^\s*steps\s*:|^(step|training|mode|confirmation|benchmark)\s*:|\A\s*\{.*\bsteps\b", re.MULTILINE | re.DOTALL)
"""Keys that only today's documents have; a text in braces is one as soon as it has steps."""
_V1_ONLY = re.compile(
    r"\b(version|device|quantization|graph_optimization|mixed_precision|model_conversion|tuning|pruning|distillation|auto_distillation|nas|train)"
    r"[\"']?\s*:"
)
_V1 = re.compile(
    r"^\s*(model|version|device|quantization|graph_optimization|mixed_precision|model_conversion|tuning|evaluation|pruning|distillation"
    r"|auto_distillation|nas|train)\s*[:：]",
    re.MULTILINE,
)


@attrs.frozen(kw_only=True)
class Opened:
    """``notes`` are of reading and translating a 1.x file.

    ``faults`` ask for what nothing carries out yet, ``asides`` for what the model comes out the same without.
    """

    path: Path
    config: PipelineConfig
    is_v1: bool
    notes: tuple[Note, ...]
    faults: tuple[Fault, ...]
    asides: tuple[Fault, ...]


def open_file(path: Path) -> Opened:
    """Read a file of either kind.

    Raises:
        ConfigError: it cannot be read, or has faults.
    """
    text = text_of(path)
    if is_v1(text):
        return _opened_v1(path)
    document = read_document(text, source=str(path))
    if not isinstance(document.data, dict):
        what = "The file is empty." if document.data is None else f"This is no configuration: it holds {document.data!r:.100}."
        fix = "write steps, such as 'steps: [quantize]', or the sections of a 1.x file, such as model and quantization"
        raise ConfigError([document.locate(Fault(path="$", what=what, fix=fix))], source=str(path))
    config = build(document, PipelineConfig, source=str(path))
    return _opened(path, config, document.locate)


def is_v1(text: str) -> bool:
    """Whether a text looks like a 1.x file: it has no steps, and sections that 1.x has, however far to the right."""
    if _TODAY.search(text) is not None:
        return False
    in_braces = text.lstrip()[:1] == "{"
    return (_V1_ONLY if in_braces else _V1).search(text) is not None


def _opened(path: Path, config: PipelineConfig, locate: Callable[[Fault], Fault]) -> Opened:
    faults, asides = _not_offered(config, locate)
    return Opened(path=path, config=config, is_v1=False, notes=(), faults=faults, asides=asides)


def _opened_v1(path: Path) -> Opened:
    translation = translate(load_v1(path))
    faults, asides = _not_offered(translation.config, translation.locate)
    notes = tuple(dict.fromkeys(translation.notes))
    return Opened(path=path, config=translation.config, is_v1=True, notes=notes, faults=faults, asides=asides)


def _not_offered(config: PipelineConfig, locate: Callable[[Fault], Fault]) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """What a run would refuse, and what it would only tell, each in the order of the file."""
    found = not_offered(config)
    kinds = ([fault for fault in found if not is_beside_the_point(fault)], [fault for fault in found if is_beside_the_point(fault)])
    refused, told = (tuple(sorted(map(locate, kind), key=lambda fault: (fault.line or 0, fault.column or 0))) for kind in kinds)
    return refused, told
