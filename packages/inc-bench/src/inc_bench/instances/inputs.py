"""Batches that an instance runs: made up from the model's signature, or read from a file or a function."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from inc_adaptors.batches import as_batches, batch_size, describe, split, take, to_numpy
from inc_adaptors.handle import Signature
from inc_config.data import LoaderConfig
from inc_config.errors import DataError
from inc_config.frozen import thaw
from inc_data import Compose, DataLoader, build_dataset, build_transform
from numpy.typing import NDArray

from inc_bench.instances.opening import resolve

DEFAULT_DYNAMIC_SIZE = 128
"""Size given to a dynamic axis other than the batch when no data is given."""

MAX_BATCHES = 16
"""Batches kept in memory and run in turn; more would measure memory traffic that a server does not have."""

LABELS = ("labels", "label", "targets", "target")


def synthetic_inputs(signature: Signature, *, batch_size: int, seed: int = 0) -> tuple[NDArray[Any], ...]:
    """Random inputs for a signature: uniform in [-1, 1) for floats, zeros and ones for integers and booleans.

    Raises:
        DataError: the model does not say what its inputs are, or takes what cannot be made up (text).
    """
    if not signature.inputs:
        raise DataError(
            "The model does not declare its inputs, so none can be made up.",
            where="model signature",
            fix="pass data= (--data on the command line): real inputs",
        )
    rng = np.random.default_rng(seed)
    made = []
    for spec in signature.inputs:
        shape = tuple(size or (batch_size if axis == 0 else DEFAULT_DYNAMIC_SIZE) for axis, size in enumerate(spec.shape))
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
        raise DataError(
            f"The data has fewer than {batch_size} samples, not one whole batch.", where=where, fix="give more data or a smaller batch size"
        )
    return kept


def labelled_batches(data: str, signature: Signature, *, batch_size: int) -> Iterable[tuple[Any, Any]]:
    """All batches as ``(inputs, labels)``.

    Raises:
        DataError: the data cannot be read or has no labels.
    """
    for batch in read_data(data, batch_size=batch_size):
        inputs, labels = split(batch, _names(signature))
        if labels is None:
            raise DataError("The data has no labels, so accuracy cannot be measured.", where=data, fix="add an array named labels")
        yield inputs, to_numpy(labels)


def read_data(data: str | LoaderConfig, *, batch_size: int) -> Iterable[Any]:
    """Batches that a configuration describes, of a file, or of what ``module:function`` returns.

    A ``.npy`` file holds inputs; a ``.npz`` file inputs by name (or ``inputs``, or ``0``, ``1``, ...) and maybe ``labels``.

    Raises:
        DataError: unreadable, or of no accepted kind.
    """
    if isinstance(data, LoaderConfig):
        return _described(data, batch_size)
    path = Path(data)
    if path.suffix.lower() in (".npy", ".npz"):
        return as_batches(_load(path), batch_size=batch_size)
    if ":" in data and not path.exists():
        return as_batches(resolve(data)(), batch_size=batch_size)
    raise DataError(
        f"{data!r} is not data that can be read.",
        where="data",
        fix="give a .npy file of inputs, a .npz file of inputs and labels, or module:function that returns batches",
    )


def _described(config: LoaderConfig, batch_size: int) -> Iterable[Any]:
    try:
        args = thaw(config.dataset.args)
        transforms = [build_transform(named.name, **thaw(named.args)) for named in config.transforms]
        dataset = build_dataset(config.dataset.name, **args, **({"transform": Compose(transforms)} if transforms else {}))
        return DataLoader(dataset, batch_size, shuffle=config.shuffle, seed=config.seed)
    except (ValueError, TypeError, OSError) as error:
        what, _, rest = str(error).partition("\n")
        raise DataError(
            what, where=f"data {config.dataset.name}", fix=rest.partition("fix:")[2].strip() or "mend the data's description"
        ) from error


def _load(path: Path) -> Any:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"The file cannot be read: {error}.", where=str(path), fix="save it with numpy.save or numpy.savez") from error
    return _positional(arrays)


def _positional(arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Arrays named ``inputs`` or ``0``, ``1``, ... are given by position; others by the input's name."""
    inputs = {name: array for name, array in arrays.items() if name not in LABELS}
    labels = [array for name, array in arrays.items() if name in LABELS]
    if set(inputs) not in ({"inputs"}, {str(index) for index in range(len(inputs))}):
        return dict(arrays)
    ordered = [inputs[name] for name in sorted(inputs, key=lambda name: (len(name), name))]
    return _Samples(tuple(ordered), labels[0] if labels else None)


class _Samples:
    """Samples of arrays side by side, as a dataset: ``(input, ..., label)``."""

    def __init__(self, inputs: tuple[NDArray[Any], ...], labels: NDArray[Any] | None) -> None:
        self._arrays = (*inputs, *(() if labels is None else (labels,)))
        lengths = {len(array) for array in self._arrays}
        if len(lengths) > 1:
            raise DataError(f"The arrays differ in length: {describe(self._arrays)}.", where="data", fix="give arrays of equal first axes")

    def __len__(self) -> int:
        return len(self._arrays[0])

    def __getitem__(self, index: int) -> Any:
        return tuple(array[index] for array in self._arrays) if len(self._arrays) > 1 else self._arrays[0][index]


def _names(signature: Signature) -> tuple[str, ...] | None:
    return tuple(spec.name for spec in signature.inputs) or None


def _of_size(batches: Iterable[Any], size: int, where: str) -> Iterable[Any]:
    """Whole batches only; larger ones are cut."""
    seen = 0
    for batch in batches:
        found = batch_size(batch)
        seen = max(seen, found)
        if found >= size:
            yield batch if found == size else take(batch, size)
    if 0 < seen < size:
        raise DataError(
            f"The data comes in batches of {seen}, the benchmark asks for {size}.", where=where, fix="make the loader's batches as large"
        )
