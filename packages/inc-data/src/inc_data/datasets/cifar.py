"""CIFAR-10 and CIFAR-100 from their published files, python or binary version; pickles are read without unpickling."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.archives import extract
from inc_data.datasets.arrays import ArrayDataset
from inc_data.download import RemoteFile, fetch
from inc_data.faults import checked_path, fault
from inc_data.formats.pickled import read_pickled
from inc_data.protocols import Array

_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class _Release:
    """Names inside one release of the data."""

    remote: RemoteFile
    folder: str
    binary_folder: str
    files: dict[bool, tuple[str, ...]]
    label_key: str
    meta: str
    names_key: str
    label_bytes: int


CIFAR10_RELEASE = _Release(
    RemoteFile("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", "md5"),
    "cifar-10-batches-py",
    "cifar-10-batches-bin",
    {True: tuple(f"data_batch_{number}" for number in range(1, 6)), False: ("test_batch",)},
    "labels",
    "batches.meta",
    "label_names",
    1,
)
CIFAR100_RELEASE = _Release(
    RemoteFile("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", "md5"),
    "cifar-100-python",
    "cifar-100-binary",
    {True: ("train",), False: ("test",)},
    "fine_labels",
    "meta",
    "fine_label_names",
    2,
)


class CIFAR10(ArrayDataset):
    """Small photographs in 10 classes as items ``(image uint8 (32, 32, 3), label int64)``.

    Args:
        root: folder with the files of the python version or of the binary version (``*.bin``), or with the folder that the archive holds.
        train: the 50,000 of the training split, else the 10,000 of the test split.
        download: fetch and unpack the python version when no files are there.
        transform: applied to each item.

    Raises:
        ValueError: files are missing or damaged, or a pickle asks for anything but plain data and arrays.
    """

    release = CIFAR10_RELEASE

    def __init__(
        self, root: str | os.PathLike[str], train: bool = False, download: bool = True, transform: Callable[[Any], Any] | None = None
    ) -> None:
        folder = checked_path(root, where=type(self).__name__)
        paths = _locate(self.release, folder, train=train)
        if not paths and download:
            extract(fetch(self.release.remote, folder), folder, largest_bytes=1 << 30)
            paths = _locate(self.release, folder, train=train)
        if not paths:
            raise ValueError(
                fault(
                    f"There is no {' or '.join(self.release.files[train])}.",
                    where=str(folder),
                    fix=f"put the files of {self.release.remote.name} there, or pass download=True",
                )
            )
        parts = [_read(self.release, path) for path in paths]
        pixels, labels = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        # Files hold planes: 1,024 red, 1,024 green and 1,024 blue values of one image.
        images = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.classes = _class_names(self.release, paths[0].parent)
        super().__init__(images, labels, transform=transform)


class CIFAR100(CIFAR10):
    """Small photographs in 100 (fine) classes; otherwise as ``CIFAR10``."""

    release = CIFAR100_RELEASE


def _locate(release: _Release, root: Path, *, train: bool) -> list[Path]:
    for folder in (root, root / release.folder, root / release.binary_folder):
        for suffix in ("", ".bin"):
            paths = [folder / f"{name}{suffix}" for name in release.files[train]]
            if all(path.is_file() for path in paths):
                return paths
    return []


def _read(release: _Release, path: Path) -> tuple[Array, Array]:
    if path.suffix == ".bin":
        return _read_binary(release, path)
    content = read_pickled(path)
    pixels, labels = content.get("data"), content.get(release.label_key)
    fits = isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.ndim == 2 and pixels.shape[1] == _PIXELS
    counted = isinstance(labels, list) and isinstance(pixels, np.ndarray) and len(labels) == len(pixels)
    if not fits or not counted or not all(isinstance(label, int) for label in labels or ()):
        raise ValueError(
            fault(
                f"The file holds no 'data' of rows of {_PIXELS} bytes with one of {release.label_key!r} each.",
                where=str(path),
                fix=f"give a file of {release.remote.name}",
            )
        )
    return np.asarray(pixels), np.array(labels, np.int64)


def _read_binary(release: _Release, path: Path) -> tuple[Array, Array]:
    row = release.label_bytes + _PIXELS
    content = np.fromfile(path, np.uint8)
    if not content.size or content.size % row:
        raise ValueError(
            fault(
                f"The file has {content.size} bytes, which are no whole rows of {row}.", where=str(path), fix="copy or fetch the file again"
            )
        )
    rows = content.reshape(-1, row)
    # The label byte before the pixels; CIFAR-100 has the coarse class before it.
    return rows[:, release.label_bytes :], rows[:, release.label_bytes - 1].astype(np.int64)


def _class_names(release: _Release, folder: Path) -> tuple[str, ...]:
    path = folder / release.meta
    if not path.is_file():
        return ()
    return tuple(_as_text(name) for name in read_pickled(path).get(release.names_key, ()))


def _as_text(name: Any) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)
