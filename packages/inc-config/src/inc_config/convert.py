"""The one converter between configuration objects and plain data (what JSON and YAML hold)."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

from inc_config.dtypes import DType, FloatType, Granularity, IntegerType, PerChannel, PerGroup, PerTensor, parse_dtype
from inc_config.errors import ConfigError, Fault
from inc_config.frozen import FrozenMap, freeze, thaw
from inc_config.named import Named, as_named
from inc_config.plan import OpId, OpPlan
from inc_config.pruning import BlockPattern, NofMPattern, Pattern, parse_pattern

T = TypeVar("T")

_GRANULARITIES: dict[str, type[Any]] = {"per_tensor": PerTensor, "per_channel": PerChannel, "per_group": PerGroup}


def _exact(kind: type, name: str) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"expected {name}, got {value!r}")
        return value

    return structure


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def _named(value: Any, _: Any) -> Named:
    if not isinstance(value, str | Mapping) or (isinstance(value, Mapping) and "name" not in value and len(value) != 1):
        raise ValueError(f"expected a name or one {{name: arguments}} pair, got {value!r}")
    return as_named(value)


def _dtype(value: Any, _: Any) -> DType:
    return parse_dtype(str(value))


def _integer_type(value: Any, _: Any) -> IntegerType:
    dtype = parse_dtype(str(value))
    if not isinstance(dtype, IntegerType):
        raise ValueError(f"expected an integer type, got {value!r}")
    return dtype


def _granularity(value: Any, _: Any) -> Granularity:
    kind = value.get("kind") if isinstance(value, Mapping) else value
    if kind not in _GRANULARITIES:
        raise ValueError(f"expected one of {', '.join(_GRANULARITIES)}, got {value!r}")
    args = {k: v for k, v in value.items() if k != "kind"} if isinstance(value, Mapping) else {}
    made: Granularity = _CONVERTER.structure(args, _GRANULARITIES[kind])
    return made


def _unstructure_granularity(value: Granularity) -> dict[str, Any]:
    kind = next(name for name, cls in _GRANULARITIES.items() if isinstance(value, cls))
    return (
        {"kind": kind}
        | ({} if isinstance(value, PerTensor) else {"axis": value.axis})
        | ({"size": value.size} if isinstance(value, PerGroup) else {})
    )


def _frozen_map(value: Any, cls: Any) -> FrozenMap[Any, Any]:
    if get_args(cls) == (OpId, OpPlan):
        entries = [_CONVERTER.structure(item, _OpEntry) for item in value]
        return FrozenMap({entry.op: entry.plan for entry in entries})
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a mapping, got {value!r}")
    return FrozenMap({key: freeze(item) for key, item in value.items()})


def _unstructure_map(value: FrozenMap[Any, Any]) -> Any:
    if any(isinstance(key, OpId) for key in value):
        return [{"op": _CONVERTER.unstructure(op), "plan": _CONVERTER.unstructure(plan)} for op, plan in value.items()]
    return thaw(value)


def _strings(value: Any, _: Any) -> tuple[str, ...]:
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError(f"expected a string or a list of strings, got {value!r}")
    return tuple(items)


def _make() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind, name in ((int, "an integer"), (bool, "true or false"), (str, "a string")):
        converter.register_structure_hook(kind, _exact(kind, name))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Path, lambda value, _: Path(str(value)))
    converter.register_unstructure_hook(Path, str)
    converter.register_structure_hook(Named, _named)
    converter.register_unstructure_hook(Named, lambda named: {"name": named.name, "args": thaw(named.args)} if named.args else named.name)
    converter.register_structure_hook_func(lambda cls: cls == DType, _dtype)
    converter.register_structure_hook(IntegerType, _integer_type)
    for dtype in (IntegerType, FloatType):
        converter.register_unstructure_hook(dtype, str)
    converter.register_structure_hook_func(lambda cls: cls == Granularity, _granularity)
    for cls in _GRANULARITIES.values():
        converter.register_unstructure_hook(cls, _unstructure_granularity)
    converter.register_structure_hook_func(lambda cls: cls == Pattern, lambda value, _: parse_pattern(str(value)))
    for pattern in (BlockPattern, NofMPattern):
        converter.register_unstructure_hook(pattern, str)
    converter.register_structure_hook_func(lambda cls: get_origin(cls) is FrozenMap, _frozen_map)
    converter.register_unstructure_hook_func(lambda cls: cls is FrozenMap or get_origin(cls) is FrozenMap, _unstructure_map)
    converter.register_structure_hook_func(lambda cls: cls == tuple[str, ...], _strings)
    return converter


_CONVERTER = _make()


class _OpEntry:
    """One entry of a plan's operator list (only its structure hook is used)."""

    def __init__(self, op: OpId, plan: OpPlan) -> None:
        self.op = op
        self.plan = plan


_CONVERTER.register_structure_hook(
    _OpEntry, lambda item, _: _OpEntry(_CONVERTER.structure(item["op"], OpId), _CONVERTER.structure(item["plan"], OpPlan))
)


def unstructure(value: Any) -> Any:
    """Turn a configuration object into JSON-ready data (dicts, lists, strings, numbers, None)."""
    return _CONVERTER.unstructure(value)


def structure(data: Any, cls: type[T], *, source: str = "") -> T:
    """Build a configuration object from plain data.

    Args:
        data: what a JSON or YAML reader returned.
        cls: the attrs class to build.
        source: file name for messages.

    Raises:
        ConfigError: with every fault found, each with its JSON path.
    """
    try:
        return _CONVERTER.structure(data, cls)
    except Exception as error:  # noqa: BLE001  (cattrs groups arbitrary exceptions of hooks, converters and validators)
        raise ConfigError(_faults(error, "$"), source=source) from error


def to_json(value: Any) -> str:
    """Canonical JSON text: sorted keys, indented."""
    return json.dumps(unstructure(value), sort_keys=True, indent=2)


def from_json(text: str, cls: type[T], *, source: str = "") -> T:
    """Read what ``to_json`` wrote.

    Raises:
        ConfigError: the text is not JSON or does not fit ``cls``.
    """
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConfigError([Fault(path="$", what=f"Not JSON: {error}", fix="repair or replace the file")], source=source) from error
    return structure(data, cls, source=source)


def _faults(error: BaseException, path: str) -> list[Fault]:
    if isinstance(error, ClassValidationError | IterableValidationError):
        with_notes, without = error.group_exceptions()
        found: list[Fault] = []
        for child, note in with_notes:
            found += _faults(child, f"{path}.{note.name}" if hasattr(note, "name") else f"{path}[{note.index!r}]")
        for child in without:
            found += _faults(child, path)
        return found
    if isinstance(error, ForbiddenExtraKeysError):
        known = [a.alias for a in getattr(error.cl, "__attrs_attrs__", ())]
        return [_unknown_key(key, known, path) for key in sorted(error.extra_fields)]
    if isinstance(error, KeyError):
        return [Fault(path=path, what=f"Missing key {error.args[0]!r}.", fix=f"add {error.args[0]!r}")]
    text = str(error).split("\n", 1)[0] or type(error).__name__
    return [Fault(path=path, what=f"{text[0].upper()}{text[1:]}", fix="give a value of the kind named above")]


def _unknown_key(key: str, known: list[str], path: str) -> Fault:
    close = difflib.get_close_matches(key, known, n=1)
    fix = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
    return Fault(path=f"{path}.{key}", what=f"Unknown key {key!r}.", fix=fix)
