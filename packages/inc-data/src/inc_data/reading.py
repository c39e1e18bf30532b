"""How a dataset is read: by number, or from the start; decided by its methods, never by its class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from inc_data.faults import fault
from inc_data.protocols import BatchReader, IndexedDataset, Item, ReadsBatches
from inc_data.randomness import reading_sample


def checked_dataset(dataset: Any, where: str) -> Any:
    """Return a dataset that can be read more than once, or say why this object is none.

    Raises:
        TypeError: text, a dict, an iterator that is spent after one pass, or an object without ``__getitem__`` and ``__iter__``.
        ValueError: the dataset has a length and it is zero.
    """
    if isinstance(dataset, str | bytes):
        raise TypeError(fault(f"Text is no dataset: {dataset!r}.", where=where, fix="use ImageFolder(path) for a folder of images"))
    if isinstance(dataset, Mapping):
        raise TypeError(
            fault("A dict is no dataset.", where=where, fix="use ArrayDataset(inputs, labels), where inputs may be a dict of arrays")
        )
    if not hasattr(dataset, "__getitem__") and not hasattr(dataset, "__iter__"):
        raise TypeError(
            fault(
                f"{type(dataset).__name__} cannot be read as a dataset.",
                where=where,
                fix="give an object with __getitem__ (and __len__, or raising IndexError at the end) or with __iter__",
            )
        )
    if isinstance(dataset, Iterator):
        raise TypeError(
            fault(
                f"{type(dataset).__name__} can be read only once.",
                where=where,
                fix="pass list(...) of it, or an object whose __iter__ starts anew",
            )
        )
    if isinstance(dataset, IndexedDataset) and len(dataset) == 0:
        raise ValueError(fault("The dataset is empty.", where=where, fix="give at least one item"))
    return dataset


def batch_reader(dataset: Any) -> BatchReader | None:
    """Return the dataset's own way to read whole batches, where it has one; an array gives its rows."""
    if isinstance(dataset, np.ndarray):
        return dataset.__getitem__
    return dataset.batch_reader() if isinstance(dataset, ReadsBatches) else None


def read_item(dataset: Any, index: int, *, seed: int, epoch: int) -> Item:
    """Read one item with its own random stream; an error carries a note that names the item."""
    with reading_sample(seed, epoch, index):
        try:
            return dataset[index]
        except Exception as error:
            error.add_note(f"while reading item {index} of {type(dataset).__name__}")
            raise


def stream_items(dataset: Any, *, seed: int, epoch: int) -> Iterator[Item]:
    """Read a dataset without a length from its start: by ``__iter__``, or by number until IndexError."""
    # An iterator of its own comes first: torch's IterableDataset inherits a __getitem__ that only raises.
    source = iter(dataset) if hasattr(dataset, "__iter__") else None
    for index in count():
        with reading_sample(seed, epoch, index):
            try:
                item = dataset[index] if source is None else next(source)
            except (IndexError, StopIteration) as end:
                if isinstance(end, StopIteration) == (source is not None):
                    return
                raise
            except Exception as error:
                error.add_note(f"while reading item {index} of {type(dataset).__name__}")
                raise
        yield item


def length_of(dataset: Any) -> int:
    """Return the number of items; without ``__len__`` the dataset is read by number until IndexError.

    Raises:
        TypeError: the items cannot be found by number.
    """
    if isinstance(dataset, IndexedDataset):
        return len(dataset)
    if hasattr(dataset, "__iter__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(
            fault(
                f"The items of {type(dataset).__name__} cannot be found by number.",
                where="a dataset that is to be split or fingerprinted",
                fix="give it __getitem__ and __len__, or pass list(dataset) when it fits into memory",
            )
        )
    return sum(1 for _ in stream_items(dataset, seed=0, epoch=0))
