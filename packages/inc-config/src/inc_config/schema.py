"""A JSON Schema of pipeline documents, for editors that complete and check YAML and JSON."""

from __future__ import annotations

import enum
import functools
import operator
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import attrs

from inc_config.brief import default_of
from inc_config.convert import is_word, unstructure
from inc_config.dtypes import INTEGER_BITS, FloatType, IntegerType, StorageType, TableType
from inc_config.evaluation import MetricConfig
from inc_config.named import Named
from inc_config.patterns import ChannelPattern, HeadPattern, Pattern
from inc_config.pipeline import STEP_KINDS, PipelineConfig, StepConfig

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAMED: Schema = {
    "description": "A name, {name: {argument: value}}, or {name: ..., args: {...}}.",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "properties": {"name": {"type": "string", "minLength": 1}, "args": {"type": ["object", "null"]}},
            "required": ["name"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "not": {"required": ["name"]},
            "additionalProperties": {"type": ["object", "null"]},
        },
    ],
}
_INTEGERS = [str(IntegerType(bits, signed=signed)) for bits in INTEGER_BITS for signed in (True, False)]
_FLOATS = [str(kind) for kind in FloatType]
_WORDS = ["unstructured", *(str(pattern) for kind in (ChannelPattern, HeadPattern) for pattern in kind)]
_PATTERN: Schema = {"anyOf": [{"enum": _WORDS}, {"type": "string", "pattern": r"^[0-9]{1,6}[x:][0-9]{1,6}$"}]}
_PRIMITIVES: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"type": "string"},
    Named: {"$ref": "#/$defs/Named"},
    Pattern: {"$ref": "#/$defs/Pattern"},
    FloatType: {"enum": _FLOATS},
    StorageType: {"enum": [*_INTEGERS, *_FLOATS, *(str(kind) for kind in TableType)]},
}


def json_schema() -> Schema:
    """The schema of what ``load`` reads, as JSON data (draft 2020-12).

    Every document that ``load`` accepts is valid; ``load`` says more about the others, such as which fields contradict each other.
    """
    definitions: Schema = {"Named": _NAMED, "Pattern": _PATTERN}
    top = _reference(PipelineConfig, definitions)
    return {"$schema": DIALECT, "title": "Pipeline of inc-config", **top, "$defs": dict(sorted(definitions.items()))}


def _reference(cls: type[Any], definitions: Schema) -> Schema:
    if cls.__name__ not in definitions:
        definitions[cls.__name__] = {}
        definitions[cls.__name__] = _record(cls, definitions)
    return {"$ref": f"#/$defs/{cls.__name__}"}


def _record(cls: type[Any], definitions: Schema) -> Schema:
    hints = get_type_hints(cls)
    fields = attrs.fields(cls)
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    return {
        "type": "object",
        "description": " ".join((cls.__doc__ or "").split("\n\n    Source")[0].split()),
        "properties": {field.name: _field(field, hints[field.name], definitions) for field in fields},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _field(field: attrs.Attribute[Any], hint: Any, definitions: Schema) -> Schema:
    schema = dict(_schema(hint, definitions))
    limits = dict(_limits(field.validator))
    if "anyOf" in schema:
        schema["anyOf"] = [_limited(option, limits) for option in schema["anyOf"]]
    schema = _limited(schema, limits)
    if field.default is attrs.NOTHING:
        return schema
    return {**schema, "default": unstructure(default_of(field))}


def _limited(schema: Schema, limits: Schema) -> Schema:
    """Numbers with their limits, lists of numbers with theirs, and lists that cannot be empty."""
    if schema.get("type") == "array":
        own = {"minItems": limits["minItems"]} if "minItems" in limits else {}
        return {**schema, **own, "items": _limited(schema["items"], {key: limit for key, limit in limits.items() if key not in own})}
    return {**schema, **limits} if schema.get("type") in ("integer", "number") else schema


def _limits(validator: Any) -> Iterator[tuple[str, Any]]:
    """Limits of numbers and lists, from validators that say them; those inside ``optional``, ``each`` and a list of validators too."""
    inner = getattr(validator, "validator", None)
    yield from getattr(validator, "json_schema", {}).items()
    if inner is not None:
        yield from _limits(inner)
    for part in getattr(validator, "_validators", ()):
        yield from _limits(part)


def _schema(hint: Any, definitions: Schema) -> Schema:
    if known := next((schema for kind, schema in _PRIMITIVES.items() if hint == kind), None):
        return known
    if get_origin(hint) is tuple:
        return _array(get_args(hint)[0], definitions)
    if hint == StepConfig:
        return {"anyOf": [_step(kind, cls, definitions) for kind, cls in STEP_KINDS.items()]}
    if isinstance(hint, types.UnionType):
        return {"anyOf": [_schema(_without_none(hint), definitions), {"type": "null"}]}
    if issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    reference = _reference(hint, definitions)
    return {"anyOf": [_PRIMITIVES[Named], reference]} if hint is MetricConfig else reference


def _without_none(union: types.UnionType) -> Any:
    kinds = [kind for kind in get_args(union) if kind is not type(None)]
    return functools.reduce(operator.or_, kinds)


def _array(item: Any, definitions: Schema) -> Schema:
    """A list; where the items are words or names, one alone may stand for a list of one."""
    array: Schema = {"type": "array", "items": _schema(item, definitions)}
    alone = "integer" if item is int else "string" if item is str or is_word(item) else ""
    return {"anyOf": [array, {"type": alone}]} if alone else array


def _step(kind: str, cls: type[Any], definitions: Schema) -> Schema:
    """A step is its fields and its kind; the kind alone stands for the defaults."""
    record = _record(cls, definitions)
    properties = {"kind": {"const": kind}, **record["properties"]}
    mapping = {**record, "properties": properties, "required": ["kind", *record.get("required", ())]}
    definitions[cls.__name__] = mapping
    shown: Schema = {"$ref": f"#/$defs/{cls.__name__}"}
    return shown if record.get("required") else {"anyOf": [{"const": kind}, shown]}
