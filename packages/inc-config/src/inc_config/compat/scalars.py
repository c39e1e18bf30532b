"""What an unquoted word meant to the 1.x reader (YAML 1.1), except where that would surprise: ``2:4`` is a pattern, not 124."""

from __future__ import annotations

import re

from inc_config.scalars import Scalar, resolve

_WORDS = {
    **{word: True for name in ("yes", "on") for word in (name, name.title(), name.upper())},
    **{word: False for name in ("no", "off") for word in (name, name.title(), name.upper())},
}
_OCTAL = re.compile(r"[-+]?0[0-7_]{1,400}")
_GROUPED = re.compile(r"[-+]?[0-9][0-9_]{0,400}")
_NUMERIC = frozenset("0123456789+-.")


def resolve_v1(text: str) -> Scalar:
    """The value of a plain scalar: the core schema, and yes, no, on, off, ``010`` (8) and ``1_000`` as in YAML 1.1.

    Source:
        yaml.org/type/bool.html and int.html.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] not in _NUMERIC:
        return resolve(text)
    if _OCTAL.fullmatch(text):
        return int(text.replace("_", ""), 8)
    if "_" in text and _GROUPED.fullmatch(text):
        return int(text.replace("_", ""))
    return resolve(text)
