"""The one converter between configuration objects and plain data (what JSON and YAML hold)."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import ClassValidationError, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from inc_config.collection import paused_collection
from inc_config.dtypes import (
    DType,
    FloatType,
    Granularity,
    IntegerType,
    PerChannel,
    PerGroup,
    PerTensor,
    StorageType,
    TableType,
    parse_dtype,
    parse_storage,
)
from inc_config.errors import ConfigError, Fault
from inc_config.evaluation import MetricConfig
from inc_config.faults import faults_of
from inc_config.fields import FieldError, one_of
from inc_config.frozen import FrozenMap, freeze_map, thaw
from inc_config.named import Named, as_named
from inc_config.patterns import BlockPattern, ChannelPattern, HeadPattern, NofMPattern, Pattern, parse_pattern
from inc_config.plan import OpId, OpPlan

T = TypeVar("T")


@attrs.frozen
class _PlanEntry:
    """One operator of a plan as it stands in a document (a document's keys are strings, an operator is more)."""

    op: OpId
    plan: OpPlan


def _wrong(value: Any, wanted: str) -> FieldError:
    return FieldError(f"{value!r:.200} is not {wanted}.", fix=f"give {wanted}")


def _exact(kind: type, wanted: str) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise _wrong(value, wanted)
        return value

    return structure


def _number(value: Any, _: Any) -> float:
    if type(value) not in (int, float):
        raise _wrong(value, "a number")
    return float(value)


def _path(value: Any, _: Any) -> Path:
    if not isinstance(value, str):
        raise _wrong(value, "a path")
    return Path(value)


def _named(value: Any, _: Any) -> Named:
    return as_named(value)


def _dtype(value: Any, _: Any) -> DType:
    return parse_dtype(str(value))


def _integer_type(value: Any, _: Any) -> IntegerType:
    dtype = parse_dtype(str(value))
    if not isinstance(dtype, IntegerType):
        raise _wrong(value, "an integer type such as 'int8'")
    return dtype


def _float_type(value: Any, _: Any) -> FloatType:
    dtype = parse_dtype(str(value))
    if not isinstance(dtype, FloatType):
        raise _wrong(value, "a floating-point type such as 'bf16'")
    return dtype


def _metric(value: Any, kind: Any) -> MetricConfig:
    """A metric may be written as its name, or as ``{name: {argument: value}}``."""
    if isinstance(value, Mapping) and "metric" in value:
        made: MetricConfig = _METRIC(value, kind)
        return made
    return MetricConfig(metric=as_named(value))


def _unstructure_metric(value: MetricConfig) -> Any:
    metric = _CONVERTER.unstructure(value.metric)
    if value == MetricConfig(metric=value.metric):
        return metric
    return {"metric": metric, "weight": value.weight, "higher_is_better": value.higher_is_better}


def _is_plan_map(cls: Any) -> bool:
    return get_origin(cls) is FrozenMap and get_args(cls) == (OpId, OpPlan)


def _structure_plan_map(value: Any, _: Any) -> FrozenMap[OpId, OpPlan]:
    entries = _CONVERTER.structure(value, tuple[_PlanEntry, ...])
    made = FrozenMap({entry.op: entry.plan for entry in entries})
    if len(made) != len(entries):
        raise FieldError("An operator stands twice in the list.", fix="keep one entry per operator")
    return made


def _unstructure_plan_map(value: FrozenMap[OpId, OpPlan]) -> Any:
    return [{"op": _CONVERTER.unstructure(op), "plan": _CONVERTER.unstructure(plan)} for op, plan in value.items()]


def _strings(value: Any, _: Any) -> tuple[str, ...]:
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise _wrong(value, "a string or a list of strings")
    wrong = [_at(index, _wrong(item, "a string")) for index, item in enumerate(items) if not isinstance(item, str)]
    if wrong:
        raise IterableValidationError("While structuring strings", wrong, tuple)
    return tuple(items)


def _at(index: int, error: FieldError) -> FieldError:
    """The error of an item of a list, with its index as the converter notes it."""
    error.add_note(IterableValidationNote(f"@ index {index}", index, str))
    return error


def _class_of(cls: type[Any], converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    build = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)

    def structure(value: Any, kind: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _wrong(value, "a mapping")
        try:
            return build(value, kind)
        except ClassValidationError as error:
            others = [*_refused_by_validators(value, cls, converter)]
            told = {other.field.partition("[")[0] for other in others}
            first = [inner for inner in error.exceptions if not (isinstance(inner, FieldError) and inner.field in told)]
            raise ClassValidationError(f"While structuring {cls.__name__}", [*first, *others], cls) from error

    return structure


def _refused_by_validators(value: Mapping[str, Any], cls: type[Any], converter: cattrs.Converter) -> Iterator[FieldError]:
    """What validators say of each field on its own: building the class stops at the first of them, and before all where a type is wrong."""
    for field in attrs.fields(attrs.resolve_types(cls)):
        if field.alias not in value or field.validator is None:
            continue
        given = value[field.alias]
        items = given if isinstance(given, list) else []
        refused = [
            FieldError(error.what, fix=error.fix, field=f"{error.field}[{index}]")
            for index, item in enumerate(items)
            if (error := _refused_by_validator([item], field, converter)) is not None
        ]
        if refused:
            yield from refused
        elif (error := _refused_by_validator(given, field, converter)) is not None:
            yield error


def _refused_by_validator(value: Any, field: attrs.Attribute[Any], converter: cattrs.Converter) -> FieldError | None:
    """What a field's validator says of a value; nothing where the value cannot be converted."""
    try:
        made = converter.structure(value, cast(type[Any], field.type))
        convert = cast("Callable[[Any], Any] | None", field.converter)
        cast(Callable[..., None], field.validator)(None, field, made if convert is None else convert(made))
    except FieldError as error:
        return error if error.field else None
    except Exception:  # noqa: BLE001  (whatever a conversion raises; the error of building the class tells it)
        return None
    return None


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple and get_args(cls)[1:] == (...,)


def is_word(item: Any) -> bool:
    """Whether items of this kind are written as words, so that one alone may stand for a list of one."""
    return item in (StorageType, Named, MetricConfig) or (isinstance(item, type) and issubclass(item, enum.Enum))


def _tuple_of(cls: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    (item, _) = get_args(cls)

    def structure(value: Any, _: Any) -> Any:
        if (isinstance(value, str) and is_word(item)) or (item is int and type(value) is int):
            value = [value]
        if not isinstance(value, list | tuple):
            raise _wrong(value, "a list")
        return tuple(converter.structure(list(value), list[item]))  # type: ignore[valid-type]  # a type known at run time

    return structure


def _make() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind, wanted in ((int, "a whole number"), (bool, "true or false"), (str, "a string")):
        converter.register_structure_hook(kind, _exact(kind, wanted))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Path, _path)
    converter.register_unstructure_hook(Path, str)
    converter.register_structure_hook_factory(attrs.has, _class_of)
    converter.register_structure_hook_factory(_is_tuple, _tuple_of)
    converter.register_structure_hook_func(lambda cls: cls == tuple[str, ...], _strings)
    converter.register_structure_hook(Named, _named)
    converter.register_unstructure_hook(Named, lambda named: {"name": named.name, "args": thaw(named.args)} if named.args else named.name)
    converter.register_structure_hook_func(lambda cls: cls == DType, _dtype)
    converter.register_structure_hook(IntegerType, _integer_type)
    converter.register_structure_hook(FloatType, _float_type)
    converter.register_structure_hook_func(lambda cls: cls == StorageType, lambda value, _: parse_storage(str(value)))
    converter.register_structure_hook(MetricConfig, _metric)
    converter.register_unstructure_hook(MetricConfig, _unstructure_metric)
    for dtype in (IntegerType, FloatType, TableType):
        converter.register_unstructure_hook(dtype, str)
    converter.register_structure_hook_func(lambda cls: cls == Pattern, lambda value, _: parse_pattern(value))
    converter.register_structure_hook_func(
        lambda cls: cls == Pattern | None, lambda value, _: None if value is None else parse_pattern(value)
    )
    for pattern in (BlockPattern, NofMPattern, ChannelPattern, HeadPattern):
        converter.register_unstructure_hook(pattern, str)
    converter.register_structure_hook_func(lambda cls: FrozenMap in (cls, get_origin(cls)), lambda value, _: freeze_map(value))
    converter.register_unstructure_hook_func(lambda cls: FrozenMap in (cls, get_origin(cls)), thaw)
    converter.register_structure_hook_func(_is_plan_map, _structure_plan_map)
    converter.register_unstructure_hook_func(_is_plan_map, _unstructure_plan_map)
    return converter


_CONVERTER = _make()
_METRIC = _class_of(MetricConfig, _CONVERTER)


def register_tagged(union: Any, kinds: Mapping[str, type[Any]]) -> None:
    """Write the members of a union of attrs classes as their fields and a ``kind``; a bare kind stands for the member's defaults."""

    def structure(value: Any, _: Any) -> Any:
        fields = dict(value) if isinstance(value, Mapping) else {"kind": value}
        kind = fields.pop("kind", None)
        if not isinstance(kind, str) or kind not in kinds:
            field = "kind" if isinstance(value, Mapping) else ""
            raise FieldError(f"Unknown kind {kind!r:.100}.", field=field, fix=one_of(kind, kinds))
        return _CONVERTER.structure(fields, kinds[kind])

    def unstructure(value: Any) -> Any:
        kind, cls = next((kind, cls) for kind, cls in kinds.items() if isinstance(value, cls))
        return {"kind": kind, **_CONVERTER.unstructure(value, unstructure_as=cls)}

    _CONVERTER.register_structure_hook_func(lambda cls: cls == union, structure)
    _CONVERTER.register_unstructure_hook_func(lambda cls: cls == union, unstructure)


register_tagged(Granularity, {"per_tensor": PerTensor, "per_channel": PerChannel, "per_group": PerGroup})


def unstructure(value: Any) -> Any:
    """Turn a configuration object into JSON-ready data (dicts, lists, strings, numbers, None)."""
    return _CONVERTER.unstructure(value)


@paused_collection()
def structure(data: Any, cls: type[T], *, source: str = "", locate: Callable[[Fault], Fault] = lambda fault: fault) -> T:
    """Build a configuration object from plain data.

    Args:
        data: what a JSON or YAML reader returned.
        cls: the attrs class to build.
        source: file name for messages.
        locate: adds line and column to a fault.

    Raises:
        ConfigError: with every fault found, each with its JSON path.
    """
    try:
        return _CONVERTER.structure(data, cls)
    except Exception as error:
        faults = [locate(fault) for fault in dict.fromkeys(faults_of(error))]
        raise ConfigError(sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0)), source=source) from error


def to_json(value: Any) -> str:
    """Canonical JSON text: sorted keys, indented."""
    return json.dumps(unstructure(value), sort_keys=True, indent=2)


def from_json(text: str, cls: type[T], *, source: str = "") -> T:
    """Read what ``to_json`` wrote.

    Raises:
        ConfigError: the text is not JSON or does not fit ``cls``.
    """
    try:
        data = load_json(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([Fault(path="$", what=f"Not JSON: {error}.", fix="repair or replace the file")], source=source) from error
    return structure(data, cls, source=source)


def load_json(text: str) -> Any:
    """Read JSON.

    Raises:
        ValueError: not JSON, or a key stands twice in one mapping.
        RecursionError: nested too deep.
    """
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)!r} stands twice in one mapping")
    return made
