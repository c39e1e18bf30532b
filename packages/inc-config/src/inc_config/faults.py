"""From the converter's nested errors to a flat list of faults with paths."""

from __future__ import annotations

from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

from inc_config.errors import Fault
from inc_config.fields import FieldError, one_of


def faults_of(error: BaseException, path: str = "$") -> list[Fault]:
    """Every fault in an error of the converter, each with its JSON path."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        return _nested(error, path)
    if isinstance(error, ForbiddenExtraKeysError):
        known = [attribute.alias for attribute in getattr(error.cl, "__attrs_attrs__", ())]
        return [
            Fault(path=f"{path}.{key}", what=f"Unknown key {key!r}.", fix=one_of(key, known))
            for key in sorted(map(str, error.extra_fields))
        ]
    if isinstance(error, KeyError):
        return [Fault(path=path, what=f"Missing key {error.args[0]!r}.", fix=f"add {error.args[0]!r}")]
    if isinstance(error, FieldError):
        return [Fault(path=f"{path}.{error.field}" if error.field else path, what=error.what, fix=error.fix)]
    text = str(error).split("\n", 1)[0] or type(error).__name__
    return [Fault(path=path, what=f"{text[0].upper()}{text[1:]}.", fix="give a value of the kind that the documentation of this key names")]


def _nested(error: ClassValidationError | IterableValidationError, path: str) -> list[Fault]:
    with_notes, without = error.group_exceptions()
    found: list[Fault] = []
    for child, note in with_notes:
        found += faults_of(child, f"{path}.{note.name}" if hasattr(note, "name") else f"{path}[{note.index!r}]")
    for child in without:
        found += faults_of(child, path)
    return found
