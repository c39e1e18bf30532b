"""1.x's dummy data, value for value: reproducible input where no data is at hand."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from inc_data.datasets.arrays import ArrayDataset
from inc_data.faults import fault, finite_number, one_of, whole_number
from inc_data.protocols import Array

SEED = 9527
"""1.x's seed; its generator (numpy's RandomState) gives the same values on every numpy."""

_DTYPES = {name: name for name in ("float32", "float16", "uint8", "int8", "int32", "int64", "bool")} | {"string": "str"}
_log = logging.getLogger("inc_data")

Shape = tuple[int, ...]


class Dummy(ArrayDataset):
    """1.x's ``dummy``: uniform values made at once, as items ``(input, 0)``, or ``input`` with ``label=False``.

    Args:
        shape: shape of all samples, the first axis counting them; or a list of such shapes for several inputs.
        low: smallest value, or one per input.
        high: values stay below it; or one per input.
        dtype: float32, float16, uint8, int8, int32, int64, bool or string; or one per input. Integers are cut off toward zero.
        label: whether items have the label 0.
        transform: 1.x ignores it with a warning, and so does this.
        seed: non-negative.

    Raises:
        ValueError: shapes differ in their first axis, low is not below high, or an unknown dtype.
        TypeError: a shape is none.
    """

    def __init__(
        self,
        shape: Any,
        *,
        low: Any = -128.0,
        high: Any = 127.0,
        dtype: Any = "float32",
        label: bool = True,
        transform: Callable[[Any], Any] | None = None,
        seed: int = SEED,
    ) -> None:
        if transform is not None:
            _log.warning("dummy ignores its transform, as in 1.x")
        shapes = _shapes(shape, "dummy")
        if len({each[0] for each in shapes}) > 1:
            raise ValueError(
                fault(f"The shapes {shapes} differ in their first axis.", where="dummy", fix="the first axis counts the samples")
            )
        specs = _specs(shapes, low, high, dtype, "dummy")
        generator = np.random.RandomState(whole_number(seed, minimum=0, name="seed", where="dummy"))
        arrays = tuple(spec.draw(generator) for spec in specs)
        super().__init__(_one_or_all(arrays), np.zeros(shapes[0][0], np.int64) if label else None)


class DummyV2:
    """1.x's ``dummy_v2``: endless samples ``(input, label)``, or ``input`` without a label; every ``iter`` starts anew.

    Args:
        input_shape: shape of one sample, without a batch axis; or a list of shapes for several inputs.
        label_shape: the same for labels, or None.
        low: smallest value, or one per input and label.
        high: values stay below it; or one per input and label.
        dtype: as for ``dummy``, or one per input and label.
        transform: applied to each sample.
        seed: non-negative.

    It has no length (1.x gives ``sys.maxsize``): read as many samples as needed.
    """

    def __init__(
        self,
        input_shape: Any,
        label_shape: Any = None,
        *,
        low: Any = -128.0,
        high: Any = 127.0,
        dtype: Any = "float32",
        transform: Callable[[Any], Any] | None = None,
        seed: int = SEED,
    ) -> None:
        inputs = _shapes(input_shape, "dummy_v2")
        labels = [] if label_shape is None else _shapes(label_shape, "dummy_v2")
        self._inputs = len(inputs)
        self._specs = _specs(inputs + labels, low, high, dtype, "dummy_v2")
        self._seed = whole_number(seed, minimum=0, name="seed", where="dummy_v2")
        self.transform = transform

    def __iter__(self) -> Iterator[Any]:
        generator = np.random.RandomState(self._seed)
        while True:
            arrays = tuple(spec.draw(generator) for spec in self._specs)
            inputs = _one_or_all(arrays[: self._inputs])
            item = inputs if len(arrays) == self._inputs else (inputs, _one_or_all(arrays[self._inputs :]))
            yield item if self.transform is None else self.transform(item)


class SparseDummyV2:
    """1.x's ``sparse_dummy_v2``: endless samples ``((indices, values), label)``; several inputs give a tuple of such pairs.

    ``round(size * (1 - sparse_ratio))`` values stand at the first places in row-major order: indices int64 of shape ``(K, axes)``,
    values of shape ``(K,)``. Without a label a sample is ``(indices, values)``.

    Args:
        dense_shape: shape of the dense array, or a list of shapes.
        label_shape: shape of the label, or one per input, or None.
        sparse_ratio: share of zeros, 0..1, or one per input.
        low: smallest value, or one per input and label.
        high: values stay below it; or one per input and label.
        dtype: as for ``dummy``, or one per input and label.
        transform: applied to each sample.
        seed: non-negative.
    """

    def __init__(
        self,
        dense_shape: Any,
        label_shape: Any = None,
        *,
        sparse_ratio: Any = 0.5,
        low: Any = -128.0,
        high: Any = 127.0,
        dtype: Any = "float32",
        transform: Callable[[Any], Any] | None = None,
        seed: int = SEED,
    ) -> None:
        where = "sparse_dummy_v2"
        dense = _shapes(dense_shape, where)
        labels = [] if label_shape is None else _shapes(label_shape, where)
        if labels and len(labels) != len(dense):
            raise ValueError(
                fault(f"{len(labels)} label shapes for {len(dense)} inputs.", where=where, fix="give one label shape per input")
            )
        ratios = [
            finite_number(ratio, name="sparse_ratio", where=where) for ratio in _each(sparse_ratio, len(dense), "sparse_ratio", where)
        ]
        if not all(0 <= ratio <= 1 for ratio in ratios):
            raise ValueError(fault(f"sparse_ratio is a share of zeros, got {sparse_ratio}.", where=where, fix="pass 0.0 to 1.0"))
        counts = [round(math.prod(shape) * (1 - ratio)) for shape, ratio in zip(dense, ratios, strict=True)]
        self._indices = [
            np.stack(np.unravel_index(np.arange(n), shape), axis=1).astype(np.int64) for n, shape in zip(counts, dense, strict=True)
        ]
        values: list[Shape] = [(count,) for count in counts]
        self._specs = _specs(values + labels, low, high, dtype, where)
        self._seed = whole_number(seed, minimum=0, name="seed", where=where)
        self.transform = transform

    def __iter__(self) -> Iterator[Any]:
        generator = np.random.RandomState(self._seed)
        while True:
            arrays = [spec.draw(generator) for spec in self._specs]
            inputs = list(zip(self._indices, arrays, strict=False))
            labels = arrays[len(inputs) :]
            samples = tuple(zip(inputs, labels, strict=True)) if labels else tuple(inputs)
            item = _one_or_all(samples)
            yield item if self.transform is None else self.transform(item)


class _Uniform:
    """One array of uniform values."""

    def __init__(self, shape: Shape, low: float, high: float, dtype: str) -> None:
        self._shape, self._low, self._high, self._dtype = shape, low, high, dtype

    def draw(self, generator: np.random.RandomState) -> Array:
        """Return the next array."""
        values = generator.uniform(self._low, self._high, self._shape)
        # By way of int64 a negative value wraps in uint8, on every machine as it does in 1.x on x86.
        return values.astype(np.int64).astype(self._dtype) if self._dtype in ("uint8", "int8") else values.astype(self._dtype)


def _one_or_all(parts: tuple[Any, ...]) -> Any:
    return parts[0] if len(parts) == 1 else parts


def _shapes(value: Any, where: str) -> list[Shape]:
    nested = isinstance(value, list | tuple) and any(isinstance(part, list | tuple) for part in value)
    shapes = list(value) if nested else [value]
    if not all(isinstance(shape, list | tuple) and shape for shape in shapes):
        raise TypeError(fault(f"{value!r} is no shape.", where=where, fix="pass (100, 3, 224, 224), or a list of shapes"))
    return [tuple(whole_number(side, minimum=1, name="shape", where=where) for side in shape) for shape in shapes]


def _each(value: Any, count: int, name: str, where: str) -> Sequence[Any]:
    values = list(value) if isinstance(value, list | tuple) else [value] * count
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise ValueError(fault(f"{name} has {len(values)} values for {count} arrays.", where=where, fix=f"pass one {name}, or {count}"))
    return values


def _specs(shapes: list[Shape], low: Any, high: Any, dtype: Any, where: str) -> list[_Uniform]:
    columns = (_each(value, len(shapes), name, where) for name, value in (("low", low), ("high", high), ("dtype", dtype)))
    specs = []
    for shape, smallest, largest, kind in zip(shapes, *columns, strict=True):
        if kind not in _DTYPES:
            raise ValueError(fault(f"Unknown dtype {kind!r}.", where=where, fix=one_of(str(kind), _DTYPES)))
        if finite_number(smallest, name="low", where=where) >= finite_number(largest, name="high", where=where):
            raise ValueError(fault(f"low={smallest} is not below high={largest}.", where=where, fix="pass low < high"))
        specs.append(_Uniform(shape, smallest, largest, _DTYPES[kind]))
    return specs
