"""Nested tuples and dicts of arrays: what an item and a batch are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image as pillow

from inc_data.detection import DetectionLabel
from inc_data.faults import fault
from inc_data.images import as_array


def leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its path, for example ``inputs['ids']``; tuples and dicts are inner nodes."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, f"{path}[{key!r}]")
    elif isinstance(tree, tuple):
        for position, value in enumerate(tree):
            yield from leaves(value, f"{path}[{position}]")
    else:
        yield path, tree


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply ``function`` to every leaf and keep the nesting; named tuples stay named."""
    if isinstance(tree, Mapping):
        return {key: map_leaves(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple):
        return _like(tree, [map_leaves(function, value) for value in tree])
    return function(tree)


def _like(original: tuple[Any, ...] | list[Any], values: list[Any]) -> Any:
    if isinstance(original, list):
        return values
    return type(original)(*values) if hasattr(original, "_fields") else tuple(values)


def collate(samples: Sequence[Any]) -> Any:
    """Stack items of equal structure into one batch: arrays of shape ``S`` become one of shape ``(N, *S)``.

    Tuples, lists and dicts are collated part by part, pillow images become arrays, text and bytes become a list, and None stays None.
    A ``DetectionLabel`` stays as it is, one per image in a list, since images differ in their number of boxes.

    Args:
        samples: at least one item.

    Raises:
        ValueError: structures, shapes or dtypes differ between the items.
        TypeError: a part is nothing that numpy can stack.
    """
    return _collate(samples, "item")


def _collate(samples: Sequence[Any], path: str) -> Any:
    first = samples[0]
    if isinstance(first, Mapping):
        _require_equal([sorted(map(str, s)) if isinstance(s, Mapping) else type(s).__name__ for s in samples], "keys", path)
        return {key: _collate([sample[key] for sample in samples], f"{path}[{key!r}]") for key in first}
    if isinstance(first, DetectionLabel):
        return list(samples)
    if isinstance(first, tuple | list):
        _require_equal([len(s) if isinstance(s, tuple | list) else type(s).__name__ for s in samples], "length", path)
        columns = zip(*samples, strict=True)
        return _like(first, [_collate(column, f"{path}[{position}]") for position, column in enumerate(columns)])
    if first is None or isinstance(first, str | bytes):
        _require_equal([type(s).__name__ for s in samples], "type", path)
        return None if first is None else list(samples)
    return _stack(samples, path)


def _stack(samples: Sequence[Any], path: str) -> Any:
    if all(isinstance(sample, bool | int | float) for sample in samples):
        return np.asarray(samples)
    arrays = [as_array(sample) if isinstance(sample, pillow.Image) else np.asarray(sample) for sample in samples]
    if any(array.dtype.hasobject for array in arrays):
        raise TypeError(
            fault(f"{type(samples[0]).__name__} cannot be batched.", where=path, fix="return arrays or numbers, or pass your own collate")
        )
    _require_equal([array.shape for array in arrays], "shape", path)
    _require_equal([str(array.dtype) for array in arrays], "dtype", path)
    return np.stack(arrays)


def _require_equal(found: Sequence[Any], what: str, path: str) -> None:
    for position, value in enumerate(found):
        if value != found[0]:
            raise ValueError(
                fault(
                    f"Items of one batch differ in {what}: {found[0]} and {value}.",
                    where=f"{path}, items 0 and {position} of the batch",
                    fix="make them equal (Resize, CenterCrop, Cast, padding), or pass your own collate, such as collate=list",
                )
            )
