"""TFRecord files as datasets: raw records, and the layouts of ImageNet, of TensorFlow's object detection and of segmentation."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.faults import checked_path, fault
from inc_data.filters import Filter, kept
from inc_data.fingerprint import Digest, describe
from inc_data.formats.example import parse_example
from inc_data.formats.tfrecord import RecordIndex, index_records
from inc_data.protocols import IndexArray
from inc_data.transforms.parse import IMAGENET_LABEL, ParseDecodeCoco, ParseDecodeImagenet, ParseDecodeVoc
from inc_data.transforms.protocol import apply_to_item

Parse = Callable[[bytes, str], tuple[Any, Any]]


class Records:
    """Records of TFRecord files, found by number; checksums are verified when a record is read.

    Args:
        paths: the files, in order.
        transform: applied to each item.
        parse: makes (image, label) of a record and its name for messages; without it items are the records' bytes.
        label_feature: the feature that holds a whole number as label, where there is one.
        filter: which items to keep, called with image and label.

    Raises:
        ValueError: a file is truncated or damaged, or the files hold no record.
    """

    def __init__(
        self,
        paths: list[Path],
        transform: Callable[[Any], Any] | None = None,
        parse: Parse | None = None,
        filter: Filter | None = None,
        *,
        label_feature: str | None = None,
    ) -> None:
        self._label_feature = label_feature
        self.index: RecordIndex = index_records(paths)
        self.transform = transform
        self._parse = parse
        if not len(self.index):
            raise ValueError(fault("The files hold no record.", where=", ".join(map(str, paths[:3])), fix="give files with records"))
        if filter is not None:
            numbers = kept((self._item(number) for number in range(len(self.index))), filter, type(self).__name__)
            whole = self.index
            self.index = RecordIndex(whole.paths, whole.file[numbers], whole.offset[numbers], whole.length[numbers])

    @cached_property
    def labels(self) -> IndexArray | None:
        """Labels of all items, int64 of shape ``(N,)``, read at first use without the images; None where they are no whole numbers."""
        name = self._label_feature
        if name is None:
            return None
        numbers = (parse_example(view, where=where, only=name).whole_number(name) for view, where in self.index.views())
        return np.fromiter(numbers, np.int64, len(self))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: int) -> Any:
        item = self._item(index)
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=self._parse is not None)

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over the records, and the transform."""
        digest = Digest(type(self).__name__, describe(self.transform))
        for index in indices.tolist():
            digest.add_bytes(self.index.read(index))
        return digest.hexdigest()

    def _item(self, index: int) -> Any:
        record = self.index.read(index)
        if self._parse is None:
            return record
        return self._parse(record, self.index.where(index))


class TFRecordDataset(Records):
    """Raw records as items ``bytes``; ``ParseDecodeImagenet`` and its like make (image, label) of them.

    Args:
        root: a pattern of file names, such as ``"data/val-*"``.
        transform: given the bytes of a record.
    """

    def __init__(self, root: str | os.PathLike[str], transform: Callable[[Any], Any] | None = None) -> None:
        pattern = str(checked_path(root, where="TFRecordDataset"))
        super().__init__(_found(sorted(glob.glob(pattern)), pattern), transform)


class ImageRecord(Records):
    """ImageNet's record layout as items ``(image uint8 (H, W, 3), label)``: files ``*-*-of-*``, image/encoded and image/class/label."""

    def __init__(self, root: str | os.PathLike[str], transform: Callable[[Any], Any] | None = None) -> None:
        super().__init__(_below(root, "*-*-of-*", "ImageRecord"), transform, ParseDecodeImagenet().parse, label_feature=IMAGENET_LABEL)


class COCORecord(Records):
    """The record layout of TensorFlow's object detection as items ``(image uint8 (H, W, 3), DetectionLabel)``.

    Args:
        root: one file, or a folder of which every file is read.
        num_cores: kept from 1.x; loading in parallel is the loader's (``DataLoader(num_workers=...)``).
        transform: applied to (image, label).
        filter: which items to keep.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        num_cores: int = 28,
        transform: Callable[[Any], Any] | None = None,
        filter: Filter | None = None,
    ) -> None:
        path = checked_path(root, where="COCORecord")
        paths = [path] if path.is_file() else _below(path, "*", "COCORecord")
        super().__init__(paths, transform, ParseDecodeCoco().parse, filter)


class VOCRecord(Records):
    """The record layout of DeepLab's VOC as items ``(image uint8 (H, W, 3), mask uint8 (H, W, 1))``: files ``val-*``."""

    def __init__(self, root: str | os.PathLike[str], transform: Callable[[Any], Any] | None = None) -> None:
        super().__init__(_below(root, "val-*", "VOCRecord"), transform, ParseDecodeVoc().parse)


def _below(root: str | os.PathLike[str], pattern: str, where: str) -> list[Path]:
    folder = checked_path(root, where=where)
    found = sorted(str(path) for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("."))
    return _found(found, str(folder / pattern))


def _found(names: list[str], pattern: str) -> list[Path]:
    paths = [Path(name) for name in names if Path(name).is_file()]
    if not paths:
        raise ValueError(fault("No file has such a name.", where=pattern, fix="give the folder or pattern of the TFRecord files"))
    return paths
