"""tf.train.Example without TensorFlow or protobuf: the few wire types that it uses.

Source:
    The wire format of protocol buffers; tensorflow/core/example/{example,feature}.proto for the numbers of the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from inc_data.faults import fault, one_of
from inc_data.protocols import Array

Values: TypeAlias = "list[bytes] | Array"
"""A feature: texts or files as bytes, float32 of shape ``(N,)``, or int64 of shape ``(N,)``."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class _Malformed(Exception):
    """The bytes are no message; the caller knows where they come from."""


@dataclass(frozen=True)
class Example:
    """Features by name, and where they were read for messages."""

    features: Mapping[str, Values]
    where: str

    def bytes_of(self, name: str) -> bytes:
        """Return a feature that is one text or file."""
        values = self.all_bytes(name)
        if len(values) != 1:
            raise ValueError(fault(f"{name!r} has {len(values)} values, one is wanted.", where=self.where, fix="write the records again"))
        return values[0]

    def all_bytes(self, name: str) -> list[bytes]:
        """Return a feature of texts."""
        values = self._feature(name)
        if isinstance(values, list):
            return values
        if values.size == 0:
            return []
        raise ValueError(fault(f"{name!r} holds numbers, not text.", where=self.where, fix="write it as a bytes_list"))

    def numbers(self, name: str) -> Array:
        """Return a feature of numbers, int64 or float32, shape ``(N,)``."""
        values = self._feature(name)
        if isinstance(values, list):
            if not values:
                return np.zeros(0, np.float32)
            raise ValueError(fault(f"{name!r} holds text, not numbers.", where=self.where, fix="write it as int64_list or float_list"))
        return values

    def whole_number(self, name: str) -> int:
        """Return a feature that is one whole number."""
        values = self.numbers(name)
        if len(values) != 1 or values.dtype.kind != "i":
            raise ValueError(
                fault(f"{name!r} is no single whole number: {values[:5]}.", where=self.where, fix="write it as an int64_list of one value")
            )
        return int(values[0])

    def _feature(self, name: str) -> Values:
        if name not in self.features:
            raise ValueError(
                fault(
                    f"The record has no feature {name!r}.",
                    where=self.where,
                    fix=f"the layout must match; there is {one_of(name, self.features)}",
                )
            )
        return self.features[name]


def parse_example(record: bytes | memoryview, *, where: str = "a record", only: str | None = None) -> Example:
    """Read a serialized tf.train.Example, or ``only`` the feature of that name: what others hold is not touched.

    Raises:
        ValueError: the bytes are no such message.
    """
    try:
        features: dict[str, Values] = {}
        for _, message in _fields(memoryview(record), only=1):
            for _, entry in _fields(message, only=1):
                name, values = _entry(entry, only)
                if only is None or name == only:
                    features[name] = values
    except (_Malformed, UnicodeDecodeError, ValueError) as error:
        raise ValueError(
            fault(f"The record is no tf.train.Example: {error}.", where=where, fix="give records of serialized tf.train.Example")
        ) from error
    return Example(features, where)


def _entry(entry: memoryview, only: str | None) -> tuple[str, Values]:
    parts = dict(_fields(entry))
    name = bytes(parts.get(1, b"")).decode("utf-8")
    return name, _values(parts[2]) if 2 in parts and only in (None, name) else []


def _values(feature: memoryview) -> Values:
    for number, content in _fields(feature):
        if number == 1:
            return [bytes(text) for _, text in _fields(content, only=1)]
        if number == 2:
            return _floats(content)
        if number == 3:
            return np.array(list(_integers(content)), np.int64)
    return []


def _floats(content: memoryview) -> Array:
    parts = []
    for _, kind, payload in _raw_fields(content):
        if kind not in (_BYTES, _FIXED32) or len(payload) % 4:
            raise _Malformed("a list of floats is malformed")
        parts.append(np.frombuffer(payload, "<f4"))
    return np.concatenate(parts).astype(np.float32, copy=False) if parts else np.zeros(0, np.float32)


def _integers(content: memoryview) -> Iterator[int]:
    for _, kind, payload in _raw_fields(content):
        if kind not in (_VARINT, _BYTES):
            raise _Malformed("a list of integers is malformed")
        position = 0
        while position < len(payload):
            value, position = _varint(payload, position)
            yield value - (1 << 64) if value >> 63 else value


def _fields(message: memoryview, *, only: int | None = None) -> Iterator[tuple[int, memoryview]]:
    for number, kind, payload in _raw_fields(message):
        if kind == _BYTES and (only is None or number == only):
            yield number, payload


def _raw_fields(message: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        start = position
        if kind == _VARINT:
            _, position = _varint(message, position)
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        elif kind == _BYTES:
            length, start = _varint(message, position)
            position = start + length
        else:
            raise _Malformed(f"wire type {kind} is not used by Example")
        if position > len(message):
            raise _Malformed("a field reaches beyond the end")
        yield key >> 3, kind, message[start:position]


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONGEST_VARINT):
        if position + count >= len(message):
            raise _Malformed("a number reaches beyond the end")
        byte = message[position + count]
        value |= (byte & 127) << 7 * count
        if byte < 128:
            return value & (1 << 64) - 1, position + count + 1
    raise _Malformed("a number has more than 10 bytes")
