"""What a dataset, an item and a transform are: shapes of objects, so that nobody has to inherit from this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image as _pillow

Array: TypeAlias = NDArray[Any]
IndexArray: TypeAlias = NDArray[np.int64]
Image: TypeAlias = _pillow.Image | Array
"""A pillow image, or an array shaped ``(H, W)`` or ``(H, W, C)`` until a ``Transpose`` says otherwise."""

Item: TypeAlias = Any
"""``(input, label)`` or ``input``; each part an array, a pillow image, a scalar, text, or tuples and dicts of these."""

BatchReader: TypeAlias = Callable[[slice | IndexArray], Item]
"""Rows in, one batch out: a slice may return views, an index array returns copies."""


@runtime_checkable
class IndexedDataset(Protocol):
    """A dataset whose items are found by number, ``0 <= index < len(dataset)``."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Item: ...


@runtime_checkable
class IterableDataset(Protocol):
    """A dataset that can only be read from the start; every ``iter()`` starts anew."""

    def __iter__(self) -> Iterator[Item]: ...


@runtime_checkable
class ReadsBatches(Protocol):
    """A dataset that may read whole batches faster than item by item."""

    def batch_reader(self) -> BatchReader | None:
        """Return the reader, or None when this instance reads single items only."""


@runtime_checkable
class Labelled(Protocol):
    """A dataset that knows all labels without reading its inputs."""

    @property
    def labels(self) -> Any:
        """Labels of all items in order, or None when items have none."""


@runtime_checkable
class Fingerprinted(Protocol):
    """A dataset that can name its content without reading items through its transform."""

    def digest(self, indices: IndexArray) -> str:
        """Return a hexadecimal SHA-256 over the content of the items at ``indices``, in that order."""


@runtime_checkable
class PairTransform(Protocol):
    """A transform that sees the label too; any other callable is given the image alone and the label is kept."""

    def apply_pair(self, image: Any, label: Any) -> tuple[Any, Any]:
        """Return the transformed image and the label that belongs to it."""
