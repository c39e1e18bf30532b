"""Pascal VOC in its own layout: XML annotations beside JPEG images."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.parsers import expat

from inc_data.detection import DetectionLabel, detection_label
from inc_data.faults import checked_path, fault
from inc_data.fingerprint import Digest, describe
from inc_data.images import open_image
from inc_data.protocols import IndexArray
from inc_data.transforms.protocol import apply_to_item

VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
LARGEST_BYTES = 1 << 22


class VOC:
    """Images with their objects as items ``(pillow image, DetectionLabel)``; difficult objects are marked as ``crowd``.

    Args:
        root: folder with ``JPEGImages``, ``Annotations`` and ``ImageSets/Main`` (for example ``VOCdevkit/VOC2012``).
        image_set: name of a list in ``ImageSets/Main``.
        transform: applied to (image, label) when an item is read.
        classes: class names; ids count from 1 in their order, as in VOC's label map.

    Raises:
        ValueError: a list, an annotation or an image is missing, or an annotation is malformed; the message names the file.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        image_set: str = "val",
        transform: Callable[[Any], Any] | None = None,
        *,
        classes: Sequence[str] = VOC_CLASSES,
    ) -> None:
        folder = checked_path(root, where="VOC")
        self.transform = transform
        self.classes = tuple(classes)
        names = _listed(folder / "ImageSets" / "Main" / f"{image_set}.txt")
        self.paths = tuple(folder / "JPEGImages" / f"{name}.jpg" for name in names)
        missing = [path for path in self.paths if not path.is_file()]
        if missing:
            raise ValueError(
                fault(
                    f"{len(missing)} of {len(names)} listed images are missing, the first is {missing[0]}.",
                    where=str(folder),
                    fix="complete the folder",
                )
            )
        self.labels = tuple(read_voc(folder / "Annotations" / f"{name}.xml", self.classes) for name in names)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        item = open_image(self.paths[index]), self.labels[index]
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=True)

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over the files, their labels and the transform."""
        digest = Digest("voc", describe(self.transform))
        for index in indices.tolist():
            label = self.labels[index]
            digest.add_text(f"{label.image_id} {label.names}")
            digest.add_array(label.boxes)
            digest.add_array(label.crowd)
            digest.add_file(self.paths[index])
        return digest.hexdigest()


def read_voc(path: Path, classes: Sequence[str]) -> DetectionLabel:
    """Read one annotation; pixels count from 1 there, and the last pixel belongs to the box.

    Raises:
        ValueError: missing, no XML, has a document type (entities are how XML bombs are made), or lacks a part.
    """
    where = str(path)
    size, *objects = _Annotation().read(path)
    height, width = _number(size, "height", where), _number(size, "width", where)
    if height < 1 or width < 1:
        raise ValueError(fault(f"The image has {height:g}x{width:g} pixels.", where=where, fix="correct the size"))
    names = [entry.get("name", "") for entry in objects]
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise ValueError(fault(f"Unknown class {unknown[0]!r}.", where=where, fix=f"pass classes=...; known are {', '.join(classes)}"))
    boxes = [
        (
            (_number(entry, "ymin", where) - 1) / height,
            (_number(entry, "xmin", where) - 1) / width,
            _number(entry, "ymax", where) / height,
            _number(entry, "xmax", where) / width,
        )
        for entry in objects
    ]
    turned = next((box for box in boxes if box[0] > box[2] or box[1] > box[3]), None)
    if turned is not None:
        raise ValueError(fault(f"A box ends before it begins: {turned}.", where=where, fix="correct xmin, ymin, xmax and ymax"))
    return detection_label(
        boxes,
        names=names,
        classes=[classes.index(name) + 1 for name in names],
        image_id=f"{path.stem}.jpg",
        crowd=[entry.get("difficult", "0").strip() == "1" for entry in objects],
        where=where,
    )


class _Annotation:
    """Collects the text of ``size`` and of each ``object`` (without its ``part``), by the name of the element."""

    def __init__(self) -> None:
        self.size: dict[str, str] = {}
        self.objects: list[dict[str, str]] = []
        self._path: list[str] = []
        self._text: list[str] = []

    def read(self, path: Path) -> list[dict[str, str]]:
        """Return the size, then the objects."""
        fix = "give an annotation in VOC's form"
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _refuse_doctype
        try:
            content = path.read_bytes()
            if len(content) > LARGEST_BYTES:
                raise ValueError(fault(f"The annotation has {len(content)} bytes.", where=str(path), fix=fix))
            parser.Parse(content, True)
        except OSError as error:
            raise ValueError(fault(f"The annotation cannot be read: {error.strerror}.", where=str(path), fix=fix)) from error
        except (expat.ExpatError, _DoctypeFound, LookupError) as error:
            # LookupError: an encoding that Python does not know.
            raise ValueError(fault(f"The annotation is malformed: {error}.", where=str(path), fix=fix)) from error
        return [self.size, *self.objects]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._text.clear()
        if self._path == ["annotation", "object"]:
            self.objects.append({})

    def _end(self, name: str) -> None:
        match self._path:
            case ["annotation", "size", _]:
                self.size[name] = "".join(self._text)
            case ["annotation", "object", _] | ["annotation", "object", "bndbox", _]:
                self.objects[-1][name] = "".join(self._text).strip()
        self._path.pop()
        self._text.clear()


class _DoctypeFound(Exception):
    """A document type, which annotations do not have."""


def _refuse_doctype(name: str, *_: object) -> None:
    raise _DoctypeFound(f"it declares the document type {name!r}")


def _number(values: dict[str, str], name: str, where: str) -> float:
    try:
        return float(values[name])
    except (KeyError, ValueError) as error:
        raise ValueError(fault(f"{name} is {values.get(name)!r}, no number.", where=where, fix="complete the annotation")) from error


def _listed(path: Path) -> list[str]:
    fix = "give a folder in VOC's layout, and the name of a list there"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(fault(f"The list of images cannot be read: {error}.", where=str(path), fix=fix)) from error
    # Lists of one class have a second column, which says whether the class is there.
    names = [line.split()[0] for line in lines if line.strip()]
    outside = [name for name in names if "/" in name or ".." in name]
    if outside or not names:
        what = f"{outside[0]!r} is no name of an image." if outside else "The list is empty."
        raise ValueError(fault(what, where=str(path), fix=fix))
    return names
