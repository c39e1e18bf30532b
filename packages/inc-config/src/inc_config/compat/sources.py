"""A path or a text: which of the two, and the text."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inc_config.errors import ConfigError, Fault
from inc_config.yaml_reader import MAX_CHARACTERS

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 4 * MAX_CHARACTERS


def text_of(source: str | os.PathLike[str]) -> tuple[str, str]:
    """The file's name (empty for a text) and the text.

    Raises:
        ConfigError: the file does not exist, cannot be read, is too large or is no text.
    """
    if isinstance(source, str) and not _is_path(source):
        return "", source
    if not isinstance(source, str | os.PathLike):
        raise _refused("", f"{source!r:.100} is neither a path nor a text.", "give a path or the text of a YAML file")
    path = Path(source)
    try:
        return str(path), _content(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _refused(str(path), f"Cannot read the file: {reason}.", "give a file that exists and is readable") from error


def _is_path(source: str) -> bool:
    if "\n" in source or len(source) > 4096:
        return False
    return source.endswith(SUFFIXES) or (bool(source) and "\0" not in source and os.path.isfile(source))


def _content(path: Path) -> str:
    about = path.stat()  # before it is opened: opening a pipe waits
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)) or about.st_size > MAX_BYTES:
        raise _refused(str(path), f"This is no file of at most {MAX_BYTES} bytes.", "give a configuration file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"Not text in UTF-8: byte {data[error.start]:#04x} at offset {error.start}."
        raise _refused(str(path), what, "save the file as UTF-8") from error
    return text


def _refused(source: str, what: str, fix: str) -> ConfigError:
    return ConfigError([Fault(path="$", what=what, fix=fix)], source=source)
