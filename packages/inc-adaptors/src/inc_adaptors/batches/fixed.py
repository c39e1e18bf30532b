"""Batches of any size for models that take one size only, as exporters write them that fix the first axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from inc_config.errors import DataError
from numpy.typing import NDArray

from inc_adaptors.batches.structure import along, batch_size, part, take
from inc_adaptors.handle import Signature

Outputs = tuple[NDArray[Any], ...]


def fixed_size(signature: Signature) -> int | None:
    """The only batch size that a model takes; None where an input leaves it open, or the first axes differ and do not count samples."""
    sizes = {spec.shape[0] for spec in signature.inputs if spec.shape}
    return sizes.pop() or None if len(sizes) == 1 else None


def whole(batches: Iterable[Any], signature: Signature) -> Iterator[Any]:
    """The same samples in batches of the size that the model takes, each last one filled up with its own samples again."""
    size = fixed_size(signature)
    for batch in batches:
        if size is None or batch_size(batch) in (0, size):
            yield batch
        else:
            yield from (piece for piece, _ in _pieces(batch, size))


def cut(batch: Any, samples: int, signature: Signature) -> Any:
    """The first ``samples`` samples of a batch, or all where the model takes nothing else."""
    return take(batch, samples) if fixed_size(signature) is None else batch


def predicting(predict: Callable[[Any], Outputs], signature: Signature) -> Callable[[Any], Outputs]:
    """``predict`` for batches of any size.

    Raises:
        DataError: when called, where an output does not have the samples along its first axis and the batch is not of the model's size.
    """
    size = fixed_size(signature)

    def run(inputs: Any) -> Outputs:
        if size is None or batch_size(inputs) == size:
            return predict(inputs)
        made = [[_cut(array, count, size) for array in predict(piece)] for piece, count in _pieces(inputs, size)]
        return tuple(np.concatenate(arrays) for arrays in zip(*made, strict=True))

    return predict if size is None else run


def _pieces(batch: Any, size: int) -> Iterator[tuple[Any, int]]:
    """Batches of exactly ``size``, and how many of their samples are new."""
    samples = batch_size(batch)
    for start in range(0, samples, size):
        piece = part(batch, start, start + size)
        count = min(size, samples - start)
        yield piece if count == size else along(piece, np.arange(size) % count), count


def _cut(array: NDArray[Any], count: int, size: int) -> NDArray[Any]:
    if array.ndim == 0 or len(array) != size:
        raise DataError(
            f"The model takes batches of {size} only, and an output of shape {array.shape} does not tell their samples apart.",
            where="inputs",
            fix=f"give batches of {size}",
        )
    return array[:count]
