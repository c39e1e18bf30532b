"""Batches that an instance runs: made up from the model's signature, or of the data that was named."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from inc_adaptors import batches
from inc_adaptors.batches import batch_size as size_of
from inc_adaptors.batches import split, take, to_numpy
from inc_adaptors.handle import Signature
from inc_config.data import LoaderConfig
from inc_config.errors import DataError
from numpy.typing import NDArray

from inc_bench.instances.reading import no_labels, read_data

DEFAULT_DYNAMIC_SIZE = 128
"""Size given to a dynamic axis other than the batch when no data is given."""

MAX_BATCHES = 16
"""Batches kept in memory and run in turn; more would measure memory traffic that a server does not have."""


class BatchSizeError(DataError):
    """A batch size that the model or the data does not have; a sweep goes on to the next."""


def fixed_size(signature: Signature) -> int | None:
    """The only batch size that a model takes, None where its inputs leave the size open; 1 where their first axes differ."""
    sizes = [spec.shape[0] for spec in signature.inputs if spec.shape]
    return batches.fixed_size(signature) or (1 if sizes and all(sizes) else None)


def size_for(signature: Signature, asked: int) -> int:
    """Samples per call: ``asked``, or for 1, the default, what the model takes where it takes one size only.

    Raises:
        BatchSizeError: another size than the only one the model takes.
    """
    fixed = fixed_size(signature)
    if fixed is None:
        return asked
    if asked not in (1, fixed):
        raise BatchSizeError(
            f"The model takes batches of {fixed}, the benchmark asks for {asked}.",
            where="model signature",
            fix="leave the batch size out, or export the model with a dynamic first axis",
        )
    return fixed


def synthetic_inputs(signature: Signature, *, batch_size: int, seed: int = 0) -> tuple[NDArray[Any], ...]:
    """Random inputs for a signature: uniform in [-1, 1) for floats, zeros and ones for integers and booleans.

    Raises:
        DataError: the model does not say what its inputs are, takes what cannot be made up (text), or another batch size.
    """
    if not signature.inputs:
        raise DataError(
            "The model does not declare its inputs, so none can be made up.",
            where="model signature",
            fix="pass data= (--data on the command line): real inputs",
        )
    samples = size_for(signature, batch_size)
    rng = np.random.default_rng(seed)
    made = []
    for spec in signature.inputs:
        shape = tuple(size or (samples if axis == 0 else DEFAULT_DYNAMIC_SIZE) for axis, size in enumerate(spec.shape))
        kind = np.dtype(spec.dtype)
        if kind.kind not in "fiub":
            raise DataError(
                f"Values of type {spec.dtype} cannot be made up.", where=f"input {spec.name!r}", fix="pass data= (--data): real inputs"
            )
        values = rng.uniform(-1, 1, shape) if kind.kind == "f" else rng.integers(0, 2, shape)
        made.append(values.astype(kind))
    return tuple(made)


def batches_for(data: str | LoaderConfig | None, signature: Signature, *, batch_size: int, seed: int) -> list[Any]:
    """At most ``MAX_BATCHES`` batches of inputs, each of exactly ``batch_size`` samples.

    Raises:
        DataError: the data cannot be read, does not fit the model's inputs, or has fewer samples than one batch.
    """
    if data is None:
        return [synthetic_inputs(signature, batch_size=batch_size, seed=seed)]
    read = (split(batch, _names(signature))[0] for batch in read_data(data, batch_size=batch_size))
    where = data if isinstance(data, str) else data.dataset.name
    kept = list(itertools.islice(_of_size(read, batch_size, where), MAX_BATCHES))
    if not kept:
        raise DataError("The data has no samples.", where=where, fix="give at least one batch")
    return kept


def labelled_batches(data: str | LoaderConfig, signature: Signature, *, batch_size: int) -> Iterable[tuple[Any, Any]]:
    """All batches as ``(inputs, labels)``.

    Raises:
        DataError: the data cannot be read or has no labels.
    """
    for batch in read_data(data, batch_size=batch_size):
        inputs, labels = split(batch, _names(signature))
        if labels is None:
            raise no_labels(data if isinstance(data, str) else data.dataset.name)
        yield inputs, to_numpy(labels)


def _names(signature: Signature) -> tuple[str, ...] | None:
    return tuple(spec.name for spec in signature.inputs) or None


def _of_size(batches: Iterable[Any], size: int, where: str) -> Iterable[Any]:
    """Whole batches only; larger ones are cut."""
    seen = 0
    for batch in batches:
        found = size_of(batch)
        seen = max(seen, found)
        if found >= size:
            yield batch if found == size else take(batch, size)
    if 0 < seen < size:
        raise BatchSizeError(
            f"The data has at most {seen} samples in a batch, the benchmark asks for {size}.",
            where=where,
            fix="give more data, larger batches, or a smaller batch size",
        )
