"""Preprocessing as data: a list of named steps that is saved beside a model, so that calibration, evaluation and deployment agree."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from inc_data.faults import checked_path, fault, one_of
from inc_data.protocols import Image
from inc_data.registry import build_transform
from inc_data.transforms.compose import Compose
from inc_data.transforms.protocol import ImageTransform

LARGEST_FILE_BYTES = 1 << 20
"""A recipe is a few lines; a larger file is something else."""

_FORM = 'a list of steps such as [{"name": "Resize", "args": {"size": [224, 224]}}]'


@dataclass(frozen=True)
class Step:
    """One transform by its registered name.

    Args:
        name: as for ``build_transform``.
        args: names and values; values are JSON's scalars and (nested) tuples.
    """

    name: str
    args: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in self.args)})"


@dataclass(frozen=True)
class Recipe(ImageTransform):
    """A preprocessing recipe: a transform that is data, equal when its steps are equal.

    Raises:
        ValueError, TypeError: a step is unknown or its arguments are refused; the steps are built on construction.
    """

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        _ = self.transform

    @cached_property
    def transform(self) -> Compose:
        """The steps as transforms."""
        return Compose([self._build(position, step) for position, step in enumerate(self.steps)])

    def apply(self, image: Image) -> Image:
        """Return the preprocessed image."""
        return self.transform.apply(image)

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return the preprocessed image with its label."""
        return self.transform.apply_pair(image, label)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the steps as JSON data; ``from_json`` gives an equal recipe back."""
        return [{"name": step.name, "args": {key: _thaw(value) for key, value in step.args}} for step in self.steps]

    @classmethod
    def from_json(cls, data: Any, *, where: str = "a preprocessing recipe") -> Recipe:
        """Read ``to_json``'s data.

        Raises:
            ValueError, TypeError: not of that form, an unknown step, or arguments that it refuses; the message names the place.
        """
        if not isinstance(data, list) or not data:
            raise ValueError(
                fault(f"Expected a list of steps, got {type(data).__name__ if data else data}.", where=where, fix=f"write {_FORM}")
            )
        steps = tuple(_step(entry, f"$[{position}] in {where}") for position, entry in enumerate(data))
        try:
            return cls(steps)
        except (ValueError, TypeError) as error:
            error.add_note(f"in {where}")
            raise

    def with_args(self, name: str, **args: Any) -> Recipe:
        """Return the recipe with other arguments for its step ``name``, for example ``with_args("TextToIds", vocab_file="vocab.txt")``.

        Raises:
            ValueError, TypeError: there is no such step, or the step refuses the arguments.
        """
        if name not in {step.name for step in self.steps}:
            raise ValueError(
                fault(f"The recipe has no step {name!r}.", where=str(self), fix=one_of(name, {step.name for step in self.steps}))
            )
        changed = {key: _freeze(value, f"argument {key} of {name}") for key, value in args.items()}
        steps = [
            Step(step.name, tuple(sorted({**dict(step.args), **changed}.items()))) if step.name == name else step for step in self.steps
        ]
        return Recipe(tuple(steps))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe as a JSON file; files that its steps name (arguments that end in ``_file``) are copied beside it.

        Raises:
            ValueError: such a file does not exist, or two of one name differ.
        """
        target = checked_path(path, where="Recipe.save")
        kept = [Step(step.name, tuple((key, _beside(key, value, target.parent)) for key, value in step.args)) for step in self.steps]
        entries = [{"name": step.name, "args": {key: _thaw(value) for key, value in step.args}} for step in kept]
        target.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        return " > ".join(map(str, self.steps))

    def _build(self, position: int, step: Step) -> Any:
        try:
            return build_transform(step.name, **dict(step.args))
        except (ValueError, TypeError) as error:
            error.add_note(f"in step {position} ({step.name}) of the recipe")
            raise


def preprocessing(source: str | os.PathLike[str]) -> Recipe:
    """Return the recipe of that name (``recipe_names``), or read it from a file that ends in ``.json``.

    Raises:
        ValueError: no such name; or the file cannot be read or is no recipe.
        TypeError: a step of the file has arguments that do not fit.
    """
    if not isinstance(source, str) or source.lower().endswith(".json"):
        path = checked_path(source, where="preprocessing")
        return _found_beside(Recipe.from_json(_read_json(path), where=str(source)), path.parent)
    if source not in _RECIPES:
        raise ValueError(
            fault(
                f"Unknown preprocessing {source!r}.",
                where="the name of a preprocessing recipe",
                fix=f"{one_of(source, _RECIPES)}; or a .json file that holds {_FORM}",
            )
        )
    return Recipe.from_json(_RECIPES[source], where=source)


def recipe_names() -> tuple[str, ...]:
    """Return the names that ``preprocessing`` knows, sorted."""
    return tuple(sorted(_RECIPES))


def _step(entry: Any, where: str) -> Step:
    formed = isinstance(entry, Mapping) and isinstance(entry.get("name"), str) and isinstance(entry.get("args", {}), Mapping)
    if not formed:
        raise ValueError(fault(f"Expected a step, got {entry!r}.", where=where, fix='write {"name": "CenterCrop", "args": {"size": 224}}'))
    unknown = sorted(set(map(str, entry)) - {"name", "args"})
    if unknown:
        raise ValueError(fault(f"Unknown key {unknown[0]!r} in a step.", where=where, fix='a step has "name" and "args"'))
    return Step(
        entry["name"], tuple((str(key), _freeze(value, f"{where}, args.{key}")) for key, value in sorted(entry.get("args", {}).items()))
    )


def _freeze(value: Any, where: str) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_freeze(part, where) for part in value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError(
        fault(f"{value!r} cannot be an argument of a step.", where=where, fix="use numbers, text, true, false, null or lists of these")
    )


def _beside(key: str, value: Any, folder: Path) -> Any:
    """Copy a file that a step names into the recipe's folder, and return its bare name."""
    if not key.endswith("_file") or not isinstance(value, str):
        return value
    source, target = Path(value), folder / Path(value).name
    if not source.is_file():
        raise ValueError(
            fault("The recipe names a file that does not exist.", where=f"{key}={value!r}", fix="pass its path with with_args(...)")
        )
    if target.exists() and target.read_bytes() != source.read_bytes():
        raise ValueError(fault("Another file of that name is there.", where=str(target), fix="save the recipe into a folder of its own"))
    if not target.exists():
        shutil.copyfile(source, target)
    return target.name


def _found_beside(recipe: Recipe, folder: Path) -> Recipe:
    """Return the recipe with bare names of files as paths in its own folder."""

    def resolved(key: str, value: Any) -> Any:
        bare = key.endswith("_file") and isinstance(value, str) and Path(value).name == value
        return str(folder / value) if bare and (folder / value).is_file() else value

    return Recipe(tuple(Step(step.name, tuple((key, resolved(key, value)) for key, value in step.args)) for step in recipe.steps))


def _thaw(value: Any) -> Any:
    return [_thaw(part) for part in value] if isinstance(value, tuple) else value


def _read_json(path: Path) -> Any:
    fix = f"give a JSON file in UTF-8 that holds {_FORM}"
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # reading from a pipe would wait for ever
            raise ValueError(fault("The path does not lead to a file.", where=str(path), fix=fix))
        size = found.st_size
        if size > LARGEST_FILE_BYTES:
            raise ValueError(fault(f"The file has {size} bytes, too many for a recipe.", where=str(path), fix=fix))
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(fault(f"The file cannot be read: {error.strerror}.", where=str(path), fix=fix)) from error
    except UnicodeDecodeError as error:
        raise ValueError(fault("The file is no text in UTF-8.", where=str(path), fix=fix)) from error
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(fault(f"The file is no JSON: {error}.", where=str(path), fix=fix)) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _named(name: str, **args: Any) -> dict[str, Any]:
    return {"name": name, "args": args}


# torchvision's evaluation preprocessing for ImageNet classifiers: short side 256, middle 224.
_SHORT_SIDE_256 = _named("ResizeShortSide", size=256, interpolation="bilinear")
_MIDDLE_224 = _named("CenterCrop", size=224)
_LEVELS_TO_UNIT = _named("Rescale", divisor=255.0, offset=0.0)
_CHANNELS_FIRST = _named("Transpose", perm=[2, 0, 1])

_RECIPES: Mapping[str, list[dict[str, Any]]] = {
    "imagenet": [
        _SHORT_SIDE_256,
        _MIDDLE_224,
        _named("ToArray"),
        _LEVELS_TO_UNIT,
        # Mean and standard deviation of ImageNet's training pixels as every torchvision classifier uses them.
        _named("Normalize", mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225], channel_axis=-1),
        _CHANNELS_FIRST,
    ],
    # tf.keras.applications, mode "tf": -1..1, channels last.
    "imagenet-tf": [_SHORT_SIDE_256, _MIDDLE_224, _named("ToArray"), _named("Rescale", divisor=127.5, offset=-1.0)],
    # The inputs of bert-base-uncased: pass the model's own vocabulary with with_args("TextToIds", vocab_file=...).
    "bert-uncased-ids": [_named("TextToIds", vocab_file="vocab.txt", max_length=128, lower_case=True)],
    "unit": [_named("ToArray"), _LEVELS_TO_UNIT, _CHANNELS_FIRST],
    "unit-nhwc": [_named("ToArray"), _LEVELS_TO_UNIT],
}
