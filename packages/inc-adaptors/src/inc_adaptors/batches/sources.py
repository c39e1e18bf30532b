"""Sources of batches of every kind users hold, told apart by shape."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np
from inc_config.errors import DataError

from inc_adaptors.batches.structure import batch_size as size_of
from inc_adaptors.batches.structure import describe, leaves, take, to_numpy


@attrs.frozen
class _Restarted:
    """Re-iterable batches: ``start`` makes a new pass."""

    start: Callable[[], Iterator[Any]]

    def __iter__(self) -> Iterator[Any]:
        return self.start()


def as_batches(data: Any, *, batch_size: int = 32) -> Iterable[Any]:
    """Read any supported source as batches, without importing the library it comes from.

    Loaders, lists of batches, generators and tf.data pass through. Datasets with only ``__getitem__`` (read until IndexError),
    ``datasets`` objects, arrays and dicts of arrays hold samples: they are stacked into batches of ``batch_size``. onnxruntime's
    ``CalibrationDataReader`` is restarted with its ``rewind``; without one it can be read once. Of nncf.Dataset the inference data is read.

    Raises:
        DataError: the object is none of these.
    """
    for accepts, read in _KINDS:
        if accepts(data):
            return read(data, batch_size)
    raise DataError(
        f"A {type(data).__name__} is not a source of batches.",
        where="data",
        fix="give a loader, a list of batches, a dataset with __getitem__, a CalibrationDataReader, or arrays",
    )


def limited(batches: Iterable[Any], samples: int, *, cut: bool = True) -> Iterator[Any]:
    """Yield batches until ``samples`` samples were given; the last one is cut to it, if wanted, and nothing is read beyond it."""
    left = samples
    if left <= 0:
        return
    for batch in batches:
        size = size_of(batch)
        yield take(batch, left) if cut and size > left else batch
        left -= size
        if left <= 0:
            return


def _is_reader(data: Any) -> bool:
    return callable(getattr(data, "get_next", None))


def _read_reader(data: Any, _: int) -> Iterable[Any]:
    def batches() -> Iterator[Any]:
        yield from iter(data.get_next, None)

    def rewound() -> Iterator[Any]:
        data.rewind()
        return batches()

    return _Restarted(rewound) if callable(getattr(data, "rewind", None)) else batches()


def _is_nncf(data: Any) -> bool:
    return callable(getattr(data, "get_inference_data", None))


def _read_nncf(data: Any, _: int) -> Iterable[Any]:
    return _Restarted(lambda: iter(data.get_inference_data()))


def _is_tf(data: Any) -> bool:
    return callable(getattr(data, "as_numpy_iterator", None))


def _read_tf(data: Any, _: int) -> Iterable[Any]:
    return _Restarted(lambda: iter(data.as_numpy_iterator()))


def _is_hugging_face(data: Any) -> bool:
    return hasattr(data, "features") and callable(getattr(data, "with_format", None)) and callable(getattr(data, "iter", None))


def _read_hugging_face(data: Any, batch_size: int) -> Iterable[Any]:
    return _Restarted(lambda: iter(data.with_format("numpy").iter(batch_size=batch_size)))


def _is_arrays(data: Any) -> bool:
    return (hasattr(data, "shape") and len(data.shape) > 0) or (isinstance(data, Mapping) and len(data) > 0)


def _read_arrays(data: Any, batch_size: int) -> Iterable[Any]:
    lengths = {path: size_of(leaf) for path, leaf in leaves(data)}
    if len(set(lengths.values())) != 1:
        raise DataError(f"The arrays differ in length: {describe(data)}.", where="data", fix="give arrays whose first axes are equal")
    total = next(iter(lengths.values()))

    def cut(value: Any, start: int) -> Any:
        if isinstance(value, Mapping):
            return {key: cut(item, start) for key, item in value.items()}
        return value[start : start + batch_size]

    return _Restarted(lambda: (cut(data, start) for start in range(0, total, batch_size)))


def _is_iterable(data: Any) -> bool:
    return hasattr(type(data), "__iter__") and not isinstance(data, str | bytes | os.PathLike | Mapping) and not hasattr(data, "shape")


def _read_iterable(data: Iterable[Any], _: int) -> Iterable[Any]:
    if isinstance(data, tuple | list) and len(data) == 2 and len({len(getattr(item, "shape", ())) for item in data}) == 2:
        raise DataError(
            f"{describe(data)} could be two batches, or the inputs and targets of all samples.",
            where="data",
            fix='give {"x": x, "label": y} with the input\'s name for samples, or [(x, y)] for one batch',
        )
    return data


def _is_dataset(data: Any) -> bool:
    return hasattr(type(data), "__getitem__") and not isinstance(data, str | bytes | Mapping) and not hasattr(data, "shape")


def _read_dataset(data: Any, batch_size: int) -> Iterable[Any]:
    return _Restarted(lambda: _stacked(_items(data), batch_size))


def _items(data: Any) -> Iterator[Any]:
    limit = len(data) if hasattr(type(data), "__len__") else None
    index = 0
    while limit is None or index < limit:
        try:
            sample = data[index]
        except IndexError:
            return
        yield sample
        index += 1


def _is_sample_stream(data: Any) -> bool:
    """Whether iterating gives samples although it looks like a loader: torch's IterableDataset."""
    return any((cls.__module__.partition(".")[0], cls.__name__) == ("torch", "IterableDataset") for cls in type(data).__mro__)


def _read_sample_stream(data: Any, batch_size: int) -> Iterable[Any]:
    return _Restarted(lambda: _stacked(iter(data), batch_size))


def _stacked(samples: Iterator[Any], batch_size: int) -> Iterator[Any]:
    while gathered := list(itertools.islice(samples, batch_size)):
        yield _stack(gathered)


def _stack(samples: list[Any]) -> Any:
    first = samples[0]
    if isinstance(first, Mapping):
        return {key: _stack([sample[key] for sample in samples]) for key in first}
    if isinstance(first, tuple | list) and any(hasattr(item, "shape") for item in first):
        return tuple(_stack([sample[index] for sample in samples]) for index in range(len(first)))
    arrays = [to_numpy(sample) for sample in samples]
    if len({array.shape for array in arrays}) > 1:
        shapes = ", ".join(sorted({str(array.shape) for array in arrays})[:4])
        raise DataError(
            f"Samples differ in shape and cannot be stacked: {shapes}.",
            where="data",
            fix="give a loader that pads or resizes, or batch_size=1",
        )
    return np.stack(arrays)


_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any, int], Iterable[Any]]], ...] = (
    (_is_reader, _read_reader),
    (_is_nncf, _read_nncf),
    (_is_tf, _read_tf),
    (_is_hugging_face, _read_hugging_face),
    (_is_arrays, _read_arrays),
    (_is_sample_stream, _read_sample_stream),
    (_is_iterable, _read_iterable),
    (_is_dataset, _read_dataset),
)
