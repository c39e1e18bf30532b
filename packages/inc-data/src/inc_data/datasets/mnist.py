"""MNIST and Fashion-MNIST from their standard files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.datasets.arrays import ArrayDataset
from inc_data.download import RemoteFile, fetch
from inc_data.faults import checked_path, fault
from inc_data.formats.arrays import read_npz
from inc_data.formats.idx import read_idx
from inc_data.protocols import Array

MNIST_ARCHIVE = RemoteFile(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FASHION_FILES = {
    name: RemoteFile(f"{_FASHION}{name}.gz", digest, "md5")
    for name, digest in {
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    }.items()
}
FASHION_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


class MNIST(ArrayDataset):
    """Handwritten digits as items ``(image uint8 (28, 28), label int64)``.

    Args:
        root: folder with ``mnist.npz`` (arrays x_train, y_train, x_test, y_test) or the four IDX files, gzipped or not.
        train: the 60,000 of the training split, else the 10,000 of the test split.
        download: fetch ``mnist.npz`` when neither is there.
        transform: applied to each item.

    Raises:
        ValueError: files are missing, damaged, or do not belong together.
    """

    def __init__(
        self, root: str | os.PathLike[str], train: bool = False, download: bool = True, transform: Callable[[Any], Any] | None = None
    ) -> None:
        folder = checked_path(root, where=type(self).__name__)
        images, labels = self._read(folder, train=train, download=download)
        if images.ndim != 3 or labels.ndim != 1:
            raise ValueError(
                fault(
                    f"Images of shape {images.shape} with labels of shape {labels.shape} are no images with labels.",
                    where=str(folder),
                    fix="fetch the files again",
                )
            )
        super().__init__(images, labels.astype(np.int64), transform=transform)

    def _read(self, folder: Path, *, train: bool, download: bool) -> tuple[Array, Array]:
        archive = folder / "mnist.npz"
        if not archive.is_file():
            parts = _idx_parts(folder, train=train)
            if parts is not None:
                return parts
            if not download:
                raise _missing("mnist.npz, or the IDX files", folder)
            archive = fetch(MNIST_ARCHIVE, folder)
        split = "train" if train else "test"
        images, labels = read_npz(archive, (f"x_{split}", f"y_{split}")).values()
        return images, labels


class FashionMNIST(MNIST):
    """Pictures of clothes as items ``(image uint8 (28, 28), label int64)``; the four IDX files, otherwise as ``MNIST``."""

    classes = FASHION_CLASSES

    def _read(self, folder: Path, *, train: bool, download: bool) -> tuple[Array, Array]:
        parts = _idx_parts(folder, train=train)
        if parts is not None:
            return parts
        if not download:
            raise _missing(", ".join(f"{name}.gz" for name in _idx_names(train=train)), folder)
        images, labels = (read_idx(fetch(FASHION_FILES[name], folder)) for name in _idx_names(train=train))
        return images, labels


def _idx_names(*, train: bool) -> tuple[str, str]:
    prefix = "train" if train else "t10k"
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


def _idx_parts(folder: Path, *, train: bool) -> tuple[Array, Array] | None:
    paths = []
    for name in _idx_names(train=train):
        present = [path for path in (folder / f"{name}.gz", folder / name) if path.is_file()]
        if not present:
            return None
        paths.append(present[0])
    return read_idx(paths[0]), read_idx(paths[1])


def _missing(files: str, folder: Path) -> ValueError:
    return ValueError(fault(f"There is no {files}.", where=str(folder), fix="put the files there, or pass download=True"))
