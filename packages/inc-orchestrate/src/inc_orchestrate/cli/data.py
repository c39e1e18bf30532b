"""The user's data: a folder of images or arrays, read as the model wants it, with every fault told before work starts."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np
from inc_adaptors.batches import whole
from inc_adaptors.handle import ModelHandle, Signature, TensorSpec
from inc_adaptors.roles import Adaptor
from inc_config.errors import DataError
from inc_data import ArrayDataset, DataLoader, ImageFolder, Recipe, preprocessing, recipe_names

from inc_orchestrate.data import inputs_of

T = TypeVar("T")

LABEL_NAMES = ("labels", "label", "targets", "target")
_ACCEPTED = "a folder of images (with one sub-folder per class, or none), a .npy file of inputs, or a .npz file of inputs and labels"
# What numpy and the archive reader below it raise on damaged files; TypeError: a bare array in an archive's place.
_UNREADABLE = (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)

_ROWS = 256
"""Rows looked at together, so that a large file need not fit into memory."""


class UserData:
    """A dataset whose faults are told as what, where and fix, whenever they come up."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    @property
    def labels(self) -> Any:
        """Labels of all items, or None."""
        return self._dataset.labels

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        return told(lambda: self._dataset[index], where=self._place(index))

    def batch_reader(self) -> Any:
        """The dataset's own way to read whole batches, where it has one."""
        reader = getattr(self._dataset, "batch_reader", None)
        return None if reader is None else reader()

    def digest(self, indices: Any) -> str:
        """SHA-256 over the content of the items at ``indices``."""
        return str(self._dataset.digest(indices))

    def _place(self, index: int) -> str:
        paths = getattr(self._dataset, "paths", None)
        return f"item {index}" if paths is None else str(paths[index])


@attrs.frozen(kw_only=True, eq=False)
class Source:
    """Data ready to be divided. ``description`` and ``notes`` are for people; ``recipe`` is None where nothing is done to the items."""

    dataset: UserData
    labelled: bool
    description: str
    recipe: Recipe | None
    notes: tuple[str, ...] = ()


def recipe_for(name: str | None) -> Recipe | None:
    """The preprocessing of that name or file.

    Raises:
        DataError: unknown, unreadable or refused.
    """
    return None if name is None else told(lambda: preprocessing(name), where=f"--preprocess {name}")


def open_data(path: Path, *, preprocess: str | None, image_mode: str, signature: Signature, model: str) -> Source:
    """Open the data that ``--data`` names.

    Raises:
        DataError: not of an accepted kind, unreadable, or a folder of images without preprocessing.
    """
    recipe = recipe_for(preprocess)
    if path.is_dir():
        return _images(path, recipe, image_mode, signature, model)
    if not path.exists():
        raise DataError("There is no such file or folder.", where=f"--data {path}", fix=f"give {_ACCEPTED}")
    if path.suffix.lower() in {".npy", ".npz"}:
        if not path.is_file():  # reading from a pipe would wait for ever
            raise DataError("The data is not a regular file.", where=f"--data {path}", fix=f"give {_ACCEPTED}")
        return _arrays(path, recipe)
    raise DataError(f"The data is neither a folder nor a .npy or .npz file: {path.name}", where=f"--data {path}", fix=f"give {_ACCEPTED}")


def described(signature: Signature) -> str:
    """The model's inputs: ``data float32[batch, 3, 224, 224]``."""
    return ", ".join(_spec(spec) for spec in signature.inputs) or "not declared"


def suggested_preprocessing(signature: Signature) -> str | None:
    """The recipe whose result has the shape of the model's only input, for an example; whether the model was trained so, nobody can see."""
    shapes = {(3, 224, 224): "imagenet", (224, 224, 3): "imagenet-tf"}
    return shapes.get(tuple(signature.inputs[0].shape[1:])) if len(signature.inputs) == 1 else None  # type: ignore[arg-type]  # an unknown axis matches nothing


def told(read: Callable[[], T], *, where: str) -> T:
    """Run something of inc-data and turn its ValueError or TypeError into an error of ours.

    Raises:
        DataError: with the three parts of inc-data's message.
    """
    try:
        return read()
    except (ValueError, TypeError, OSError) as error:
        what, place, fix = _parts(str(error))
        raise DataError(what, where=place or where, fix=fix or f"give {_ACCEPTED}") from error


def _parts(text: str) -> tuple[str, str, str]:
    what, _, rest = text.partition("\n  where: ")
    where, _, fix = rest.partition("\n  fix:   ")
    return what, where, fix


def _images(path: Path, recipe: Recipe | None, mode: str, signature: Signature, model: str) -> Source:
    folder = told(lambda: ImageFolder(path, transform=recipe, mode=mode), where=f"--data {path}")
    if recipe is None:
        raise _no_preprocessing(path, signature, model)
    labelled = folder.labels is not None
    kinds = f" in {len(folder.classes)} classes" if labelled else ", no labels"
    notes = _label_notes(folder.classes) if labelled else ()
    return Source(
        dataset=UserData(folder), labelled=labelled, description=f"{len(folder)} images{kinds} in {path}", recipe=recipe, notes=notes
    )


def _label_notes(classes: tuple[str, ...]) -> tuple[str, ...]:
    first, last = classes[0], classes[-1]
    notes = [f"labels: the class folders in sorted order, {first!r} is 0 and {last!r} is {len(classes) - 1}"]
    if all(name.isdecimal() for name in classes) and list(classes) != sorted(classes, key=int):
        notes.append(
            "the class folders are numbers and sorted as text (0, 1, 10, 2, ...); pad them with zeros if the model counts otherwise"
        )
    return tuple(notes)


def _no_preprocessing(path: Path, signature: Signature, model: str) -> DataError:
    example = suggested_preprocessing(signature) or "recipe.json"
    return DataError(
        "Images need preprocessing, and it is never guessed: a model only works with what it was trained with. "
        f"The model's input is {described(signature)}.",
        where=f"--data {path}, a folder of images",
        fix=f"inc quantize {model} --data {path} --preprocess {example} ... (one of {', '.join(recipe_names())}, or a .json file of steps)",
    )


def check_fit(source: Source, adaptor: Adaptor, handle: ModelHandle, *, where: str) -> None:
    """Run the model on one sample, so that what does not fit is found before any work.

    Raises:
        DataError: with the sample's shapes and the model's.
    """
    try:
        adaptor.predict(handle, next(whole(inputs_of(DataLoader(source.dataset), handle.signature), handle.signature)))
    except DataError as error:
        fix = "give data that --preprocess turns into what the model takes (--image-mode L for grey images)"
        raise DataError(error.what, where=where, fix=fix if source.recipe else f"{fix}, or arrays of that shape and type") from error


def _arrays(path: Path, recipe: Recipe | None) -> Source:
    inputs, labels = _load(path)
    _check_finite(inputs, path)
    dataset = told(lambda: ArrayDataset(inputs, labels, transform=recipe), where=f"--data {path}")
    kind = "labels" if labels is not None else "no labels"
    return Source(
        dataset=UserData(dataset), labelled=labels is not None, description=f"{len(dataset)} samples, {kind}, in {path}", recipe=recipe
    )


def _check_finite(inputs: Any, path: Path) -> None:
    for name, array in inputs.items() if isinstance(inputs, dict) else (("inputs", inputs),):
        if array.dtype.kind != "f" or array.ndim == 0:
            continue
        for start in range(0, len(array), _ROWS):
            bad = np.flatnonzero(~np.isfinite(array[start : start + _ROWS]).reshape(len(array[start : start + _ROWS]), -1).all(axis=1))
            if bad.size:
                raise DataError(
                    f"Row {start + int(bad[0])} of {name} holds NaN or infinite values.",
                    where=f"--data {path}",
                    fix="repair the rows or leave them out",
                )


def _load(path: Path) -> tuple[Any, Any]:
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, allow_pickle=False, mmap_mode="r"), None
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive.items())
    except _UNREADABLE as error:
        raise DataError(
            f"The file cannot be read as numpy arrays: {error}",
            where=f"--data {path}",
            fix=f"give {_ACCEPTED}, saved by numpy without Python objects",
        ) from error
    named = [name for name in LABEL_NAMES if name in arrays]
    if len(named) > 1 or len(arrays) == len(named):
        raise DataError(
            f"The file holds the arrays {', '.join(arrays) or '(none)'}.", where=f"--data {path}", fix="save inputs=..., labels=..."
        )
    labels = arrays.pop(named[0]) if named else None
    return (next(iter(arrays.values())) if len(arrays) == 1 else arrays), labels


def _spec(spec: TensorSpec) -> str:
    sizes = ("batch" if axis == 0 and size is None else "any" if size is None else str(size) for axis, size in enumerate(spec.shape))
    return f"{spec.name} {spec.dtype}[{', '.join(sizes)}]"
