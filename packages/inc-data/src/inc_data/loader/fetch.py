"""From item numbers to a batch. What reads batches elsewhere (threads, processes) calls the same: numbers in, batch out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, Protocol

from inc_data.protocols import BatchReader, IndexArray, Item
from inc_data.reading import batch_reader, read_item, stream_items
from inc_data.structure import collate

Collate = Callable[[Sequence[Item]], Any]
OnError = Literal["raise", "skip"]

BAD_DATA = (ValueError, OSError)
"""What datasets raise for a bad file; anything else is a mistake in code and is never skipped."""


@dataclass(frozen=True)
class Partial:
    """A batch without the items that could not be read: ``skipped`` holds their numbers and the errors' texts."""

    batch: Any
    empty: bool
    skipped: tuple[tuple[int, str], ...]


class Fetch(Protocol):
    """Reads batches of one dataset."""

    def __call__(self, numbers: range | IndexArray, epoch: int) -> Any:
        """Return the batch of the items ``numbers``, which hold at least one."""


class FetchRows:
    """Take whole batches from a dataset that reads them itself."""

    def __init__(self, read: BatchReader) -> None:
        self._read = read

    def __call__(self, numbers: range | IndexArray, epoch: int) -> Any:
        """Return the rows as one batch."""
        return self._read(_rows(numbers))

    def each(self, batches: Iterable[range | IndexArray]) -> Iterator[Any]:
        """Return the batches one by one, without a step of Python between them: slices of arrays cost less than that."""
        return map(self._read, map(_rows, batches))


class FetchItems:
    """Read item by item and collate."""

    def __init__(self, dataset: Any, join: Collate, seed: int) -> None:
        self._dataset = dataset
        self._join = join
        self._seed = seed

    def __call__(self, numbers: range | IndexArray, epoch: int) -> Any:
        """Return the collated items."""
        indices = numbers if isinstance(numbers, range) else numbers.tolist()
        return self._join([read_item(self._dataset, index, seed=self._seed, epoch=epoch) for index in indices])


class FetchGoodItems:
    """Read item by item, leave out those whose data is bad, and collate the rest into a ``Partial``."""

    def __init__(self, dataset: Any, join: Collate, seed: int) -> None:
        self._dataset = dataset
        self._join = join
        self._seed = seed

    def __call__(self, numbers: range | IndexArray, epoch: int) -> Partial:
        """Return the collated items, and what was left out."""
        items = []
        skipped = []
        for index in numbers if isinstance(numbers, range) else numbers.tolist():
            try:
                items.append(read_item(self._dataset, index, seed=self._seed, epoch=epoch))
            except BAD_DATA as error:
                skipped.append((index, f"{type(error).__name__}: {error}"))
        return Partial(self._join(items) if items else None, not items, tuple(skipped))


def _rows(numbers: range | IndexArray) -> slice | IndexArray:
    return slice(numbers.start, numbers.stop) if isinstance(numbers, range) else numbers


def fetch_for(dataset: Any, join: Collate, seed: int, on_error: OnError) -> Fetch:
    """Choose whole batches where the dataset offers them and nothing but stacking is asked for, else items."""
    if on_error == "skip":
        return FetchGoodItems(dataset, join, seed)
    read = batch_reader(dataset) if join is collate else None
    return FetchItems(dataset, join, seed) if read is None else FetchRows(read)


def stream_batches(dataset: Any, size: int, join: Collate, *, seed: int, epoch: int, keep_partial: bool) -> Iterator[Any]:
    """Read a dataset without a length from its start, ``size`` items at a time."""
    items = stream_items(dataset, seed=seed, epoch=epoch)
    while samples := list(islice(items, size)):
        if len(samples) == size or keep_partial:
            yield join(samples)
