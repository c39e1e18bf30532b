"""COCO's annotation files: images, categories and boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from inc_data.faults import fault

LARGEST_BYTES = 1 << 31
"""The training annotations of 2017 have 470 MB."""

_LARGEST_NUMBER = (1 << 63) - 1

_FIX = "give an annotation file such as instances_val2017.json"


@dataclass(frozen=True)
class CocoObject:
    """One annotation: (left, top, width, height) in pixels, and its category."""

    box: tuple[float, float, float, float]
    category: int
    crowd: bool
    area: float


@dataclass(frozen=True)
class CocoImage:
    """One image with its objects in the order of the file."""

    id: int
    file_name: str
    height: int
    width: int
    objects: tuple[CocoObject, ...]


@dataclass(frozen=True)
class CocoAnnotations:
    """Images in the order of the file, and category names by id."""

    images: tuple[CocoImage, ...]
    categories: Mapping[int, str]


def read_coco(path: Path) -> CocoAnnotations:
    """Read an annotation file.

    Raises:
        ValueError: no JSON of that form, a box that is none, an unknown category or image, or a file name outside the folder.
    """
    document = _document(path)
    where = str(path)
    categories = {
        _int(entry, "id", f"{where}, $.categories[{n}]"): str(entry.get("name", "")) for n, entry in _entries(document, "categories", path)
    }
    objects: dict[int, list[CocoObject]] = {}
    for number, entry in _entries(document, "annotations", path):
        place = f"{where}, $.annotations[{number}]"
        category = _int(entry, "category_id", place)
        if category not in categories:
            raise ValueError(fault(f"There is no category {category}.", where=place, fix="add it to the file's categories"))
        objects.setdefault(_int(entry, "image_id", place), []).append(_object(entry, category, place))
    images = []
    for number, entry in _entries(document, "images", path):
        place = f"{where}, $.images[{number}]"
        identity = _int(entry, "id", place)
        size = _int(entry, "height", place), _int(entry, "width", place)
        if min(size) < 1:
            raise ValueError(fault(f"An image of {size[0]}x{size[1]} pixels.", where=place, fix="correct the size"))
        images.append(CocoImage(identity, _name(entry, place), *size, tuple(objects.pop(identity, ()))))
    if objects:
        raise ValueError(
            fault(
                f"There are annotations of image {next(iter(objects))}, which is not listed.",
                where=where,
                fix="add it to the file's images",
            )
        )
    return CocoAnnotations(tuple(images), categories)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        size = path.stat().st_size
        if size <= LARGEST_BYTES:
            with path.open(encoding="utf-8") as file:
                document = json.load(file)
    except OSError as error:
        raise ValueError(fault(f"The annotations cannot be read: {error.strerror}.", where=str(path), fix=_FIX)) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(fault(f"The annotations are no JSON: {error}.", where=str(path), fix=_FIX)) from error
    if size > LARGEST_BYTES:
        raise ValueError(fault(f"The file has more than {LARGEST_BYTES} bytes.", where=str(path), fix=_FIX))
    if not isinstance(document, dict):
        raise ValueError(fault(f"The file holds a {type(document).__name__}.", where=str(path), fix=_FIX))  # noqa: TRY004 - the file is wrong
    return document


def _entries(document: Mapping[str, Any], name: str, path: Path) -> list[tuple[int, Mapping[str, Any]]]:
    entries = document.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(fault(f"There is no list of {name}.", where=f"{path}, $.{name}", fix=_FIX))
    return list(enumerate(entries))


def _int(entry: Mapping[str, Any], key: str, where: str) -> int:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(fault(f"{key} must be a whole number, got {value!r}.", where=where, fix=_FIX))  # noqa: TRY004 - the file is wrong
    if abs(value) > _LARGEST_NUMBER:
        raise ValueError(fault(f"{key} does not fit 64 bits.", where=where, fix=_FIX))
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= _LARGEST_NUMBER


def _object(entry: Mapping[str, Any], category: int, where: str) -> CocoObject:
    box = entry.get("bbox")
    numbers = isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))
    if not numbers or box[2] < 0 or box[3] < 0:  # type: ignore[index]  # numbers says that it is a list of four
        raise ValueError(fault(f"{box!r} is no box.", where=where, fix="write [left, top, width, height] in pixels"))
    left, top, width, height = map(float, box)  # type: ignore[arg-type]  # as above
    area = entry.get("area")
    known = _is_number(area)
    return CocoObject((left, top, width, height), category, bool(entry.get("iscrowd", 0)), float(area) if known else width * height)  # type: ignore[arg-type]  # known says that it is a number


def _name(entry: Mapping[str, Any], where: str) -> str:
    name = entry.get("file_name")
    if not isinstance(name, str) or not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ValueError(
            fault(f"{name!r} is no name of a file inside the folder of images.", where=where, fix="write a name such as 000001.jpg")
        )
    return name
