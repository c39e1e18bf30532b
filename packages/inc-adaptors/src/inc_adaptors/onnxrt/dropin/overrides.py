"""``TensorQuantOverrides``: what the user fixes for single tensors, checked."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import attrs
from inc_config.dtypes import IntegerType
from inc_config.errors import PlanError

from inc_adaptors.onnxrt.dropin.types import integer_type

_KEYS = frozenset({"quant_type", "axis", "scale", "zero_point", "symmetric", "reduce_range", "rmin", "rmax", "convert"})
_CONVERT_KEYS = frozenset({"quant_type", "scale", "zero_point", "symmetric", "rmin", "rmax", "recv_nodes"})
_NUMBERS = ("scale", "zero_point", "rmin", "rmax")
_NOT_WITH_SCALE = ("symmetric", "reduce_range", "rmin", "rmax")
_SHARED = ("quant_type", "axis", "symmetric", "reduce_range")


@attrs.frozen(kw_only=True)
class Override:
    """What is fixed for one tensor; numbers are single, or one per channel along ``axis``."""

    dtype: IntegerType | None = None
    axis: int | None = None
    symmetric: bool | None = None
    reduced: bool | None = None
    scale: Any = None
    zero_point: Any = None
    minimum: Any = None
    maximum: Any = None
    convert: Override | None = None
    receivers: frozenset[str] | None = None


NONE = Override()


def read_overrides(given: Mapping[str, Any], tensors: Collection[str], constants: Mapping[str, Sequence[int]]) -> dict[str, Override]:
    """Check the overrides of every tensor.

    Args:
        given: as the user wrote them: tensor name to a list of one mapping, or one mapping per channel.
        tensors: names of the model's float tensors.
        constants: of those, the constants, with their shapes.

    Raises:
        PlanError: all faults together.
    """
    faults: list[str] = []
    found: dict[str, Override] = {}
    for name, entries in given.items():
        problem = "; ".join(_faults(name, entries, tensors, constants))
        if problem:
            faults.append(f"{name!r}: {problem}")
        elif entries and entries[0]:
            found[name] = _override(entries, constants.get(name))
    if faults:
        raise PlanError(
            f"Overrides that cannot be kept: {'. '.join(faults)}.",
            where="extra_options['TensorQuantOverrides']",
            fix="name tensors of the model, and give what onnxruntime.quantization documents for each",
        )
    return found


def _faults(name: str, entries: Any, tensors: Collection[str], constants: Mapping[str, Sequence[int]]) -> Iterator[str]:
    if name not in tensors and name not in constants:
        close = get_close_matches(name, [*tensors, *constants], n=1)
        yield f"the prepared model has no such float tensor{f'; did you mean {close[0]!r}?' if close else ''}"
        return
    if isinstance(entries, str | Mapping) or not isinstance(entries, Sequence) or not all(isinstance(entry, Mapping) for entry in entries):
        yield "not a list of mappings"
        return
    for entry in entries:
        yield from _entry_faults(entry, _KEYS)
    if not entries:
        return
    yield from _channel_faults(entries, constants.get(name))
    first = entries[0]
    if name not in constants and "reduce_range" in first:
        yield "'reduce_range' is for constants"
    if "convert" in first:
        yield from _convert_faults(first["convert"], constant=name in constants)


def _entry_faults(entry: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    unknown = sorted(set(entry) - known)
    if unknown:
        yield f"unknown keys {', '.join(map(repr, unknown))}"
    wrong = [key for key in _NUMBERS if key in entry and not _is_number(entry[key])]
    if wrong:
        yield f"{', '.join(map(repr, wrong))}: no finite number"
        return
    if ("scale" in entry) != ("zero_point" in entry):
        yield "'scale' and 'zero_point' go together"
    elif "scale" in entry and not (float(entry["scale"]) > 0.0 and float(entry["zero_point"]).is_integer()):
        yield "give a positive, finite scale and a whole zero point"
    if "scale" in entry and any(key in entry for key in _NOT_WITH_SCALE):
        yield "beside 'scale' no range, symmetry or reduced range counts"


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _channel_faults(entries: Sequence[Mapping[str, Any]], shape: Sequence[int] | None) -> Iterator[str]:
    axis = entries[0].get("axis")
    if axis is None:
        if len(entries) > 1:
            yield "several entries need an 'axis' in the first"
        return
    if shape is None:
        yield "only constants have channels"
        return
    if type(axis) is not int or not -len(shape) <= axis < len(shape):
        yield f"axis {axis!r} is none of shape {tuple(shape)}"
        return
    if len(entries) not in (1, shape[axis]):
        yield f"{len(entries)} entries for {shape[axis]} channels"
    if any(key in entry and entry[key] != entries[0].get(key) for entry in entries[1:] for key in _SHARED):
        yield "all channels share quant_type, axis, symmetric and reduce_range"
    for pair in (("scale", "zero_point"), ("rmin", "rmax")):
        present = {key in entry for entry in entries for key in pair}
        if len(present) > 1:
            yield f"{' and '.join(map(repr, pair))} go together, for every channel or none"


def _convert_faults(convert: Any, *, constant: bool) -> Iterator[str]:
    if constant:
        yield "a constant is not converted"
    if not isinstance(convert, Mapping) or "quant_type" not in convert:
        yield "'convert' needs a 'quant_type'"
        return
    yield from (f"convert: {fault}" for fault in _entry_faults(convert, _CONVERT_KEYS))


def _override(entries: Sequence[Mapping[str, Any]], shape: Sequence[int] | None) -> Override:
    first = entries[0]
    axis = first.get("axis")

    def numbers(key: str) -> Any:
        if key not in first:
            return None
        if axis is None or len(entries) == 1:
            return float(first[key])
        return tuple(float(entry[key]) for entry in entries)

    convert = first.get("convert")
    receivers = None if convert is None or convert.get("recv_nodes") is None else frozenset(convert["recv_nodes"])
    return Override(
        dtype=None if "quant_type" not in first else integer_type(first["quant_type"], "quant_type"),
        axis=None if axis is None or shape is None else range(len(shape))[axis],
        symmetric=first.get("symmetric"),
        reduced=first.get("reduce_range"),
        scale=numbers("scale"),
        zero_point=numbers("zero_point"),
        minimum=numbers("rmin"),
        maximum=numbers("rmax"),
        convert=None if convert is None else _override([{k: v for k, v in convert.items() if k != "recv_nodes"}], None),
        receivers=receivers,
    )
