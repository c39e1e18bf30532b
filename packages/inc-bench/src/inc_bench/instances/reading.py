"""Read data that is named or described: arrays in files, what a function returns, a loader of a configuration."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from inc_adaptors.batches import as_batches, describe
from inc_config.data import LoaderConfig
from inc_config.errors import DataError
from inc_config.frozen import thaw
from inc_config.named import Named
from inc_data import Compose, DataLoader, build_dataset, build_filter, build_transform, filtered
from numpy.typing import NDArray

from inc_bench.instances.opening import resolve

LABELS = ("labels", "label", "targets", "target")
_FILES = (".npy", ".npz")


def check_data(data: str, *, labels: bool = False) -> None:
    """Refuse, before any process is started, data that is not there; with ``labels`` also a file that has none.

    Raises:
        DataError: no such file, not readable, or of no accepted kind.
    """
    path = Path(data)
    if path.suffix.lower() in _FILES:
        if not set(_names(path)) & set(LABELS) and labels:
            raise no_labels(data)
    elif ":" not in data or path.exists():
        raise _unknown(data)


def read_data(data: str | LoaderConfig, *, batch_size: int) -> Iterable[Any]:
    """Batches that a configuration describes, of a file, or of what ``module:function`` returns.

    A ``.npy`` file holds inputs; a ``.npz`` file inputs by name (or ``inputs``, or ``0``, ``1``, ...) and maybe ``labels``.

    Raises:
        DataError: unreadable, or of no accepted kind.
    """
    if isinstance(data, LoaderConfig):
        return _described(data, batch_size)
    path = Path(data)
    if path.suffix.lower() in _FILES:
        return as_batches(_load(path), batch_size=batch_size)
    if ":" in data and not path.exists():
        return as_batches(resolve(data)(), batch_size=batch_size)
    raise _unknown(data)


def transforms_of(names: Iterable[Named], *, where: str) -> Compose | None:
    """The named transforms as one, or None where there are none; raises DataError for one that cannot be built."""
    try:
        made = [build_transform(named.name, **thaw(named.args)) for named in names]
    except (ValueError, TypeError, OSError) as error:
        raise _refused(error, where) from error
    return Compose(made) if made else None


def no_labels(where: str) -> DataError:
    """The error for data that accuracy cannot be measured on."""
    return DataError("The data has no labels, so accuracy cannot be measured.", where=where, fix="add an array named labels")


def _described(config: LoaderConfig, batch_size: int) -> Iterable[Any]:
    where = f"data {config.dataset.name}"
    transform = transforms_of(config.transforms, where=where)
    try:
        dataset = build_dataset(config.dataset.name, **thaw(config.dataset.args), **({"transform": transform} if transform else {}))
        kept = dataset if config.filter is None else _filtered(dataset, config.filter)
        return DataLoader(kept, batch_size, shuffle=config.shuffle, seed=config.seed)
    except (ValueError, TypeError, OSError) as error:
        raise _refused(error, where) from error


def _filtered(dataset: Any, named: Named) -> Any:
    keep = build_filter(named.name, **thaw(named.args))
    try:
        return filtered(dataset, keep)
    except (IndexError, AttributeError) as error:
        raise DataError(
            f"The filter {named.name} does not fit the data's labels: {error}.", where="data filter", fix="leave the filter out"
        ) from error


def _refused(error: Exception, where: str) -> DataError:
    what, _, rest = str(error).partition("\n")
    return DataError(what, where=where, fix=rest.partition("fix:")[2].strip() or "mend the data's description")


def _unknown(data: str) -> DataError:
    return DataError(
        f"{data!r} is not data that can be read.",
        where="data",
        fix="give a .npy file of inputs, a .npz file of inputs and labels, or module:function that returns batches",
    )


def _names(path: Path) -> tuple[str, ...]:
    """The names of a file's arrays, none for a single array; the arrays themselves are not read."""
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return ()
        with loaded:
            return tuple(loaded.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def _load(path: Path) -> Any:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error
    return _positional(arrays)


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return DataError(f"The file cannot be read: {reason}.", where=str(path), fix="save it with numpy.save or numpy.savez")


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
