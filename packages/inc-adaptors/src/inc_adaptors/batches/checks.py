"""Refuse data that would give wrong results: read once where twice is needed, empty, non-finite, or not fit for the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from inc_config.errors import DataError
from numpy.typing import NDArray

from inc_adaptors.batches.structure import batch_size, describe, leaves, to_numpy
from inc_adaptors.handle import Signature, TensorSpec


def check_reiterable(data: Any, *, where: str = "data") -> None:
    """Refuse data that is used up by one pass.

    Raises:
        DataError: iterating gives the object itself (a generator, a file, ``map``), or it cannot be iterated.
    """
    try:
        once = iter(data) is data
    except TypeError as error:
        raise DataError(f"A {type(data).__name__} cannot be iterated.", where=where, fix="give a loader or a list of batches") from error
    if once:
        raise DataError(
            f"A {type(data).__name__} can be read only once, and this data is read several times.",
            where=where,
            fix="give a list, a loader, or an object whose __iter__ starts anew (a CalibrationDataReader needs a rewind method)",
        )


def checked(batches: Iterable[Any], *, where: str = "data") -> Iterator[Any]:
    """Pass batches of inputs on, refusing empty sources, empty batches and non-finite values as they come.

    Raises:
        DataError: naming the input and the batch's index.
    """
    index = -1
    for index, batch in enumerate(batches):
        if batch_size(batch) == 0:
            raise DataError(f"Batch {index} is empty: {describe(batch)}.", where=where, fix="leave empty batches out")
        check_finite(batch, batch=index, where=where)
        yield batch
    if index < 0:
        raise DataError("There is not a single batch.", where=where, fix="check the loader; a generator may have been used up before")


def check_finite(inputs: Any, *, batch: int, where: str = "data") -> None:
    """Refuse NaN and infinite values in one batch of inputs.

    Raises:
        DataError: naming the input and the batch's index.
    """
    for path, leaf in leaves(inputs):
        values = to_numpy(leaf)
        if values.dtype.kind in "fc" and not (finite := np.isfinite(values)).all():
            raise DataError(
                f"Input {path or '0'!r} has {int(finite.size - finite.sum())} non-finite values (NaN or infinite) in batch {batch}.",
                where=where,
                fix="repair the data or its preprocessing",
            )


def bind(inputs: Any, signature: Signature) -> dict[str, NDArray[Any]]:
    """Give the arrays of a batch their names in the model's order, and the model's types where nothing is lost.

    Floats become the model's float type and integers its integer type if every value fits; integers never become floats, since that
    would hide missing preprocessing.

    Raises:
        DataError: number, names, ranks, fixed sizes or kinds of number differ; both sides are shown.
    """
    specs = signature.inputs
    if isinstance(inputs, Mapping):
        given = dict(inputs)
        if set(given) != {spec.name for spec in specs}:
            raise _misfit(inputs, specs, "the names differ")
    else:
        arrays = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
        if len(arrays) != len(specs):
            raise _misfit(inputs, specs, "the number of inputs differs")
        given = {spec.name: array for spec, array in zip(specs, arrays, strict=True)}
    return {spec.name: _fit(to_numpy(given[spec.name]), spec, inputs, specs) for spec in specs}


def _fit(array: NDArray[Any], spec: TensorSpec, inputs: Any, specs: tuple[TensorSpec, ...]) -> NDArray[Any]:
    if len(array.shape) != len(spec.shape) or any(
        size is not None and size != got for size, got in zip(spec.shape, array.shape, strict=True)
    ):
        raise _misfit(inputs, specs, f"the shape of {spec.name!r} differs")
    wanted = np.dtype(spec.dtype)
    if array.dtype == wanted:
        return array
    if not (array.dtype.kind == wanted.kind or {array.dtype.kind, wanted.kind} == {"i", "u"}):
        raise _misfit(inputs, specs, f"the type of {spec.name!r} differs")
    made = array.astype(wanted)
    if wanted.kind in "iu" and not np.array_equal(made, array):
        raise _misfit(inputs, specs, f"values of {spec.name!r} do not fit {wanted}")
    return made


def _misfit(inputs: Any, specs: tuple[TensorSpec, ...], reason: str) -> DataError:
    wanted = ", ".join(f"{s.name}: {s.dtype}[{', '.join('?' if size is None else str(size) for size in s.shape)}]" for s in specs)
    return DataError(
        f"A batch does not fit the model, {reason}: got {describe(inputs)}; the model takes {{{wanted}}}.",
        where="inputs",
        fix="give the inputs in the model's order or by name, with these shapes and types",
    )
