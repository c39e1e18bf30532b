"""Items made from a description: reproducible input where no data is at hand. Nothing about accuracy can be learned from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from inc_data.faults import fault, finite_number, whole_number
from inc_data.protocols import Array, Item
from inc_data.structure import map_leaves


@dataclass(frozen=True)
class ArraySpec:
    """One array of a synthetic item.

    Args:
        shape: shape of one item, without the batch axis.
        dtype: numpy's name of a float, integer or boolean type.
        low: smallest value.
        high: values stay below it (numpy's half-open range). Floats default to [0, 1); for integers it must be given,
            for example the size of the vocabulary.
    """

    shape: Sequence[int]
    dtype: str = "float32"
    low: float = 0.0
    high: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.shape, list | tuple):
            raise TypeError(
                fault(f"shape must be a sequence of integers, got {self.shape!r}.", where="ArraySpec", fix="pass shape=(3, 224, 224)")
            )
        object.__setattr__(self, "shape", tuple(whole_number(n, minimum=1, name="shape", where="ArraySpec") for n in self.shape))
        dtype = _numeric_dtype(self.dtype)
        object.__setattr__(self, "dtype", dtype.name)
        finite_number(self.low, name="low", where="ArraySpec")
        if self.high is not None:
            finite_number(self.high, name="high", where="ArraySpec")
        if dtype.kind == "f":
            high = 1.0 if self.high is None else self.high
            object.__setattr__(self, "high", high)
            self._require(self.low < high, "numbers with low < high")
        elif dtype.kind in "iu":
            limits = np.iinfo(dtype)
            inside = self.high is not None and limits.min <= self.low < self.high <= int(limits.max) + 1
            self._require(
                inside and self.low == int(self.low) and self.high == int(self.high or 0), f"whole numbers that {dtype} holds, low < high"
            )

    def draw(self, generator: np.random.Generator) -> Array:
        """Return one array, uniform over the range; booleans are fair coins."""
        dtype = np.dtype(self.dtype)
        if dtype.kind == "b":
            return generator.integers(2, size=self.shape).astype(dtype)
        high = self.high if self.high is not None else 1.0
        if dtype.kind == "f":
            # Rounding to a narrow float may reach high itself: the largest value below it keeps the range half-open.
            largest = np.nextafter(dtype.type(high), dtype.type(self.low))
            return np.asarray(np.minimum(generator.uniform(self.low, high, self.shape).astype(dtype), largest))
        return np.asarray(generator.integers(int(self.low), int(high), size=self.shape, dtype=dtype))

    def _require(self, holds: object, wanted: str) -> None:
        if not holds:
            raise ValueError(
                fault(
                    f"The range {self.low} to {self.high} is no range of {self.dtype}.",
                    where="ArraySpec",
                    fix=f"pass low and high as {wanted}",
                )
            )


class Synthetic:
    """Random items from specs: item ``i`` depends on the seed and on ``i`` alone.

    Args:
        inputs: an ``ArraySpec``, or a tuple or dict of them; a mapping with a list under ``shape`` is read as an ``ArraySpec``,
            so that specs can be written in YAML.
        labels: the same for labels, or None for items that are inputs alone.
        samples: number of items.
        seed: non-negative.

    Raises:
        TypeError, ValueError: a spec is none, or a number is out of range.
    """

    def __init__(self, inputs: Any, labels: Any = None, *, samples: int = 100, seed: int = 0) -> None:
        self.inputs = _specs(inputs)
        self.label_specs = None if labels is None else _specs(labels)
        self.samples = whole_number(samples, minimum=1, name="samples", where="Synthetic")
        self.seed = whole_number(seed, minimum=0, name="seed", where="Synthetic")

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> Item:
        if not -self.samples <= index < self.samples:
            raise IndexError(
                fault(f"There is no item {index}.", where=f"Synthetic of {self.samples} items", fix="ask for an item in range")
            )
        generator = np.random.default_rng((self.seed, index % self.samples))
        inputs = map_leaves(lambda spec: spec.draw(generator), self.inputs)
        return inputs if self.label_specs is None else (inputs, map_leaves(lambda spec: spec.draw(generator), self.label_specs))


def _specs(tree: Any) -> Any:
    if isinstance(tree, ArraySpec):
        return tree
    if isinstance(tree, Mapping) and isinstance(tree.get("shape"), list | tuple) and not _nests_specs(tree["shape"]):
        names = [each.name for each in fields(ArraySpec)]
        unknown = sorted(set(map(str, tree)) - set(names))
        if unknown:
            raise TypeError(
                fault(f"Unknown key {unknown[0]!r} in a spec.", where=f"Synthetic, {dict(tree)}", fix=f"use {', '.join(names)}")
            )
        return ArraySpec(**tree)
    if isinstance(tree, Mapping) and tree:
        return {key: _specs(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple) and tree:
        return tuple(_specs(value) for value in tree)
    raise TypeError(
        fault(
            f"{tree!r} is no spec of an array.",
            where="Synthetic",
            fix='pass ArraySpec((3, 224, 224)), or {"shape": [3, 224, 224]}, or a tuple or dict of these',
        )
    )


def _nests_specs(shape: Sequence[Any]) -> bool:
    return any(isinstance(part, ArraySpec | Mapping) for part in shape)


def _numeric_dtype(name: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = np.dtype(name)
    except TypeError as error:
        raise _unknown_dtype(name) from error
    if dtype.kind not in "biuf":
        raise _unknown_dtype(name)
    return dtype


def _unknown_dtype(name: object) -> ValueError:
    return ValueError(fault(f"Unknown dtype {name!r}.", where="ArraySpec", fix="a numpy name such as 'float32', 'uint8', 'int64', 'bool'"))
