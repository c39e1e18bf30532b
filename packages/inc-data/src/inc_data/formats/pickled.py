"""CIFAR's pickles read without unpickling: a stack machine for the few opcodes that plain data and numpy arrays need.

No name in the file is ever imported: five are known as symbols, any other is refused, and so is every opcode that is not listed.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from inc_data.faults import fault
from inc_data.protocols import Array

LARGEST_BYTES = 1 << 30
"""CIFAR-100's training file has 155 MB."""

_RECONSTRUCT, _NDARRAY, _DTYPE, _ENCODE = "reconstruct", "ndarray", "dtype", "encode"
_SYMBOLS = {
    "numpy.core.multiarray _reconstruct": _RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": _RECONSTRUCT,
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _DTYPE,
    "_codecs encode": _ENCODE,
}


class _Refused(Exception):
    """What the file asks for; the caller knows its name."""


@dataclass(frozen=True)
class _Symbol:
    name: str


class _Mark:
    """The place on the stack where a tuple, list or dict begins."""


@dataclass
class _PendingArray:
    """An array between its construction and its state."""

    value: Array | None = None


@dataclass
class _PendingDtype:
    """A dtype between its construction and its byte order."""

    value: np.dtype[Any]


def read_pickled(path: Path) -> dict[str, Any]:
    """Return the dict that a CIFAR file holds: keys as text; values numbers, text, bytes, lists of these, and arrays.

    Raises:
        ValueError: the file is no pickle of plain data and numpy arrays, asks for any other object, or is larger than ``LARGEST_BYTES``.
    """
    fix = "give CIFAR's python files as their authors publish them; other pickles are not read, since they may run code"
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError(fault(f"The file has more than {LARGEST_BYTES} bytes.", where=str(path), fix=fix))
    try:
        value = _Machine().run(path.read_bytes())
    except _Refused as refused:
        raise ValueError(fault(f"The file holds {refused}.", where=str(path), fix=fix)) from None
    except (
        ValueError,
        DeprecationWarning,
        IndexError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        UnicodeError,
        RecursionError,
    ) as error:
        # What pickletools and an empty stack raise on damaged files.
        raise ValueError(fault(f"The file is no pickle: {error}.", where=str(path), fix=fix)) from error
    if not isinstance(value, dict):
        what = f"The file holds a {type(value).__name__}, a dict is wanted."
        raise ValueError(fault(what, where=str(path), fix=fix))  # noqa: TRY004 - the file is wrong, not the call
    return {_text(key): part for key, part in value.items()}


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(content):
            name = opcode.name
            if name == "STOP":
                return _plain(self.stack.pop())
            if name in _LITERALS:
                self.stack.append(_LITERALS[name](argument))
            elif name in _ACTIONS:
                _ACTIONS[name](self, argument)
            else:
                raise _Refused(f"the opcode {name}, which plain data does not need")
        raise _Refused("no end")

    def above_mark(self) -> list[Any]:
        position = max(index for index, value in enumerate(self.stack) if isinstance(value, _Mark))
        taken = self.stack[position + 1 :]
        del self.stack[position:]
        return taken

    def tuple_of(self, count: int) -> None:
        taken = self.stack[len(self.stack) - count :]
        if len(taken) != count:
            raise _Refused("a tuple of values that are not there")
        del self.stack[len(self.stack) - count :]
        self.stack.append(tuple(taken))

    def put(self, position: int | None) -> None:
        self.memo[len(self.memo) if position is None else position] = self.stack[-1]

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise _Refused("items for something that is no list")
        target.extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(values) % 2:
            raise _Refused("items for something that is no dict")
        target.update(zip(values[::2], values[1::2], strict=True))

    def symbol(self, name: str) -> None:
        if name not in _SYMBOLS:
            raise _Refused(f"a reference to {name.replace(' ', '.')!r}")
        self.stack.append(_Symbol(_SYMBOLS[name]))

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.stack.append(_called(function, arguments))

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, _PendingDtype):
            target.value = target.value.newbyteorder(_byte_order(state[1]))
        elif isinstance(target, _PendingArray):
            target.value = _array(state)
        else:
            raise _Refused("the state of an object")


def _called(function: Any, arguments: Any) -> Any:
    if function == _Symbol(_RECONSTRUCT) and arguments[0] == _Symbol(_NDARRAY):
        return _PendingArray()
    if function == _Symbol(_DTYPE):
        return _PendingDtype(_numbers_only(np.dtype(_text(arguments[0]))))
    if function == _Symbol(_ENCODE) and arguments[1:] == ("latin1",):
        return arguments[0].encode("latin-1")
    raise _Refused("a call that makes neither an array nor bytes")


def _array(state: Any) -> Array:
    _, shape, pending, fortran, content = state
    dtype = _numbers_only(pending.value)
    data = content.encode("latin-1") if isinstance(content, str) else content
    if not all(isinstance(side, int) and side >= 0 for side in shape) or len(data) != math.prod(shape) * dtype.itemsize:
        raise _Refused(f"an array whose {len(data)} bytes do not fit its shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _byte_order(value: Any) -> Literal["<", ">", "="]:
    orders: dict[str, Literal["<", ">", "="]] = {"<": "<", ">": ">", "|": "=", "=": "="}
    return orders[_text(value)]


def _numbers_only(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind not in "biuf":
        raise _Refused(f"an array of {dtype}")
    return dtype


def _plain(value: Any, done: dict[int, Any] | None = None) -> Any:
    """Resolve finished arrays, and refuse what is left of unfinished objects.

    A part that is used many times stays one object, so that a small file cannot unfold into a large structure.
    """
    done = {} if done is None else done
    if isinstance(value, dict | list | tuple):
        if id(value) not in done:
            done[id(value)] = _UNDER_WAY
            done[id(value)] = _plain_parts(value, done)
        if done[id(value)] is _UNDER_WAY:
            raise _Refused("a structure that holds itself")
        return done[id(value)]
    if isinstance(value, _PendingArray) and value.value is not None:
        return value.value
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise _Refused("an unfinished object")


_UNDER_WAY = object()


def _plain_parts(value: Any, done: dict[int, Any]) -> Any:
    if isinstance(value, dict):
        return {_plain(key, done): _plain(part, done) for key, part in value.items()}
    return type(value)(_plain(part, done) for part in value)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


_LITERALS: dict[str, Callable[[Any], Any]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
    "MARK": lambda _: _Mark(),
    **dict.fromkeys(
        (
            "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
            "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
            "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
        ),
        lambda argument: argument,
    ),
}  # fmt: skip

_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.above_mark())),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "LIST": lambda machine, _: machine.stack.append(machine.above_mark()),
    "DICT": lambda machine, _: _dict(machine),
    "APPEND": lambda machine, _: machine.append([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.above_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.stack.pop(), machine.stack.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.above_mark()),
    "PUT": lambda machine, argument: machine.put(argument),
    "BINPUT": lambda machine, argument: machine.put(argument),
    "LONG_BINPUT": lambda machine, argument: machine.put(argument),
    "MEMOIZE": lambda machine, _: machine.put(None),
    "GET": lambda machine, argument: machine.stack.append(machine.memo[argument]),
    "BINGET": lambda machine, argument: machine.stack.append(machine.memo[argument]),
    "LONG_BINGET": lambda machine, argument: machine.stack.append(machine.memo[argument]),
    "GLOBAL": lambda machine, argument: machine.symbol(argument),
    "STACK_GLOBAL": lambda machine, _: machine.symbol(" ".join([machine.stack.pop(), machine.stack.pop()][::-1])),
    "REDUCE": lambda machine, _: machine.reduce(),
    "BUILD": lambda machine, _: machine.build(),
}


def _dict(machine: _Machine) -> None:
    values = machine.above_mark()
    machine.stack.append({})
    machine.set_items(values)
