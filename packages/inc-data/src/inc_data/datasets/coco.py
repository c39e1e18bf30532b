"""COCO: images, or arrays in their place, with the objects of an annotation file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from inc_data.detection import DetectionLabel, detection_label
from inc_data.faults import checked_path, fault, one_of
from inc_data.filters import Filter, LabelFilter, kept
from inc_data.fingerprint import Digest, describe
from inc_data.formats.arrays import read_npy
from inc_data.formats.coco import CocoImage, read_coco
from inc_data.images import open_image
from inc_data.protocols import Array, IndexArray
from inc_data.transforms.protocol import apply_to_item

Crowd = Literal["keep", "drop"]


class COCORaw:
    """Images with their objects as items ``(pillow image, DetectionLabel)``.

    ``image_id`` of a label is the file's name, as in 1.x. Images without boxes are left out.

    Args:
        root: folder of the data.
        img_dir: folder of the images, below ``root``.
        anno_dir: the annotation file, below ``root``.
        transform: applied to (image, label) when an item is read.
        filter: which items to keep, called with image and label; a ``LabelFilter`` needs no image decoded.
        crowd: ``keep`` gives boxes of groups of objects too, marked in the label; ``drop`` leaves them out.
        num_cores: kept from 1.x; loading in parallel is the loader's (``DataLoader(num_workers=...)``).

    Raises:
        ValueError: a folder or file is missing, an annotation points to an image that is missing, annotations are
            malformed, or nothing is left.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        img_dir: str = "val2017",
        anno_dir: str = "annotations/instances_val2017.json",
        transform: Callable[[Any], Any] | None = None,
        filter: Filter | None = None,
        *,
        crowd: Crowd = "keep",
        num_cores: int = 28,
    ) -> None:
        self.transform = transform
        self.annotation_file = checked_path(root, where=type(self).__name__) / anno_dir
        self._folder = checked_path(root, where=type(self).__name__) / img_dir
        if crowd not in get_args(Crowd):
            raise ValueError(fault(f"Unknown crowd {crowd!r}.", where=type(self).__name__, fix=one_of(str(crowd), get_args(Crowd))))
        annotations = read_coco(self.annotation_file)
        self.categories: Mapping[int, str] = annotations.categories
        pairs = [(image, _label(image, annotations.categories, crowd)) for image in annotations.images]
        self._images: Sequence[CocoImage] = [image for image, label in pairs if len(label.boxes)]
        self.labels: tuple[DetectionLabel, ...] = tuple(label for _, label in pairs if len(label.boxes))
        self._check_files()
        if filter is not None:
            self._keep(filter)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Any:
        item = self._input(index), self.labels[index]
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=True)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of the items."""
        return tuple(self._folder / self._file_name(image) for image in self._images)

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over the files, their labels and the transform."""
        digest = Digest("coco", describe(self.transform))
        for index in indices.tolist():
            label = self.labels[index]
            digest.add_text(f"{label.image_id} {label.names}")
            for part in (label.boxes, label.classes, label.crowd):
                digest.add_array(part)
            digest.add_file(self._folder / self._file_name(self._images[index]))
        return digest.hexdigest()

    def _input(self, index: int) -> Any:
        return open_image(self._folder / self._file_name(self._images[index]))

    def _file_name(self, image: CocoImage) -> str:
        return image.file_name

    def _check_files(self) -> None:
        if not self._images:
            raise ValueError(fault("No image has a box.", where=str(self.annotation_file), fix="give annotations with boxes"))
        missing = [path for path in self.paths if not path.is_file()]
        if missing:
            raise ValueError(
                fault(
                    f"{len(missing)} of {len(self._images)} annotated images are missing, the first is {missing[0]}.",
                    where=str(self.annotation_file),
                    fix="complete the folder, or take them out of the annotations",
                )
            )

    def _keep(self, keep: Filter) -> None:
        by_label = isinstance(keep, LabelFilter)
        items = ((None if by_label else self._input(index), label) for index, label in enumerate(self.labels))
        numbers = kept(items, keep, str(self.annotation_file))
        self._images = [self._images[number] for number in numbers]
        self.labels = tuple(self.labels[number] for number in numbers)


class COCONpy(COCORaw):
    """Arrays in place of images: ``<root>/<npy_dir>/<image's file name>.npy``, with labels ``[(category id, box), ...]``.

    A box is (left, top, width, height) in pixels, as in the annotation file. Arrays are read without unpickling.
    Arguments and errors are those of ``COCORaw``.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        npy_dir: str = "val2017",
        anno_dir: str = "annotations/instances_val2017.json",
        transform: Callable[[Any], Any] | None = None,
        filter: Filter | None = None,
    ) -> None:
        super().__init__(root, npy_dir, anno_dir, transform, filter)

    def __getitem__(self, index: int) -> Any:
        objects = [(entry.category, entry.box) for entry in self._images[index].objects]
        item = self._input(index), objects
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=True)

    def _input(self, index: int) -> Array:
        return read_npy(self._folder / self._file_name(self._images[index]))

    def _file_name(self, image: CocoImage) -> str:
        return f"{image.file_name}.npy"


def _label(image: CocoImage, categories: Mapping[int, str], crowd: str) -> DetectionLabel:
    objects = [entry for entry in image.objects if crowd == "keep" or not entry.crowd]
    boxes = [
        (top / image.height, left / image.width, (top + height) / image.height, (left + width) / image.width)
        for left, top, width, height in (entry.box for entry in objects)
    ]
    return detection_label(
        boxes,
        names=[categories[entry.category] for entry in objects],
        classes=[entry.category for entry in objects],
        image_id=image.file_name,
        crowd=[entry.crowd for entry in objects],
        where=image.file_name,
    )
