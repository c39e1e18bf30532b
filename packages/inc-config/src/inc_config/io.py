"""Read and write pipeline documents: YAML and JSON, by suffix."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml

from inc_config.convert import load_json, structure, to_json, unstructure
from inc_config.errors import ConfigError, Fault, StoreError
from inc_config.files import atomic_write
from inc_config.pipeline import PipelineConfig
from inc_config.scalars import resolve
from inc_config.yaml_reader import MAX_CHARACTERS, Document, read_with_faults, read_yaml

T = TypeVar("T")

_NO_BREAKS = 1 << 30
"""Line width: every value stays on its line, so that a comment can stand behind it."""

SUFFIXES = (".yaml", ".yml", ".json")


def load(source: str | Path) -> PipelineConfig:
    """Read a pipeline from a file, or from YAML or JSON text (a string that ends in .yaml, .yml or .json is a path).

    Raises:
        ConfigError: the file cannot be read or the document has faults; all of them are listed with path, line and fix.
    """
    if isinstance(source, Path) or source.endswith(SUFFIXES):
        return parse(text_of(Path(source)), PipelineConfig, source=str(source))
    return parse(source, PipelineConfig)


def parse(text: str, cls: type[T], *, source: str = "") -> T:
    """Build any configuration class from YAML or JSON text (in braces or brackets).

    Raises:
        ConfigError: the document has faults.
    """
    return build(read_document(text, source=source), cls, source=source)


def build(document: Document, cls: type[T], *, source: str = "") -> T:
    """Build any configuration class from a document.

    Raises:
        ConfigError: with the faults of the text and of what it says, all in their order.
    """
    try:
        made = structure(document.data, cls, source=source, locate=document.locate)
    except ConfigError as error:
        faults = sorted((*document.faults, *error.faults), key=lambda fault: (fault.line or 0, fault.column or 0))
        raise ConfigError(faults, source=source) from error
    if document.faults:
        raise ConfigError(document.faults, source=source)
    return made


def to_yaml(value: Any) -> str:
    """Write a configuration object as YAML that ``parse`` reads back to an equal one."""
    text: str = yaml.dump(unstructure(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_NO_BREAKS)
    return text


def dump(config: PipelineConfig, path: str | Path) -> Path:
    """Write a pipeline to a file, YAML or JSON by its suffix; a crash leaves the old file or the new.

    Raises:
        StoreError: another suffix, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise StoreError(
            f"{path.name!r} has no suffix that names a format.", where=str(path), fix=f"end it with one of {', '.join(SUFFIXES)}"
        )
    text = to_json(config) + "\n" if path.suffix == ".json" else to_yaml(config)
    try:
        atomic_write(path, text.encode())
    except OSError as error:
        raise StoreError(f"Cannot write: {error.strerror}.", where=str(path), fix="choose a folder that exists and is writable") from error
    return path


def text_of(path: Path) -> str:
    """The text of a file, if it is no longer than any document may be.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """
    try:
        with path.open("rb") as file:
            return file.read(4 * MAX_CHARACTERS + 1).decode("utf-8-sig")
    except OSError as error:
        fault = Fault(path="$", what=f"Cannot read the file: {error.strerror}.", fix="give a file that exists and is readable")
        raise ConfigError([fault], source=str(path)) from error
    except UnicodeDecodeError as error:
        what = f"Not text in UTF-8: byte {error.object[error.start]:#04x} at offset {error.start}."
        raise ConfigError([Fault(path="$", what=what, fix="save the file as UTF-8")], source=str(path)) from error


def read_document(text: str, *, source: str = "") -> Document:
    """YAML or JSON as plain data with the place of every value, and what is wrong in the text.

    Raises:
        ConfigError: it is neither.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return read_with_faults(text, source=source)
    try:
        data = load_json(text)
    except (ValueError, RecursionError):
        return read_with_faults(text, source=source)
    try:
        return Document(data, read_yaml(text).places)
    except ConfigError:  # tabs and surrogate pairs are JSON but not YAML: go without line numbers
        return Document(data, {})


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # whichever of two classes is built in
    """Writes strings so that they are read back as strings under YAML 1.2, and repeats values instead of naming them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    style = None if isinstance(resolve(text), str) and "\n" not in text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
