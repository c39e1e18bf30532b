"""The loader: a dataset in batches, as often as it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

from inc_data.faults import fault, one_of, whole_number
from inc_data.fingerprint import fingerprint
from inc_data.loader.fetch import Collate, fetch_for, stream_batches
from inc_data.loader.orders import Order, Sequential, Shuffled, batches_of
from inc_data.protocols import IndexedDataset
from inc_data.reading import checked_dataset
from inc_data.structure import collate as stack

LastBatch = Literal["rollover", "discard"]


class DataLoader:
    """Batches of a dataset, the same for the same arguments on every machine.

    A dataset is any object with ``__len__`` and ``__getitem__``, or ``__iter__``, or ``__getitem__`` alone (read until IndexError).
    Batches of arrays in order are slices, that is views: change a copy.

    Args:
        dataset: the items.
        batch_size: items per batch, at least 1.
        shuffle: visit the items in a new order in each epoch, given by ``seed`` and the epoch's number; needs a dataset with a length.
        seed: of the order, and of random transforms while this loader reads.
        last_batch: ``rollover`` keeps a last batch that is smaller (the word of 1.x), ``discard`` drops it.
        collate: turns a list of items into a batch; by default ``inc_data.collate``.

    Raises:
        TypeError: no dataset, or one that can be read only once.
        ValueError: nothing to read, or an option out of range.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        seed: int = 0,
        last_batch: LastBatch = "rollover",
        collate: Collate = stack,
    ) -> None:
        self.dataset = checked_dataset(dataset, "DataLoader")
        self.batch_size = whole_number(batch_size, minimum=1, name="batch_size", where="DataLoader")
        self.seed = whole_number(seed, minimum=0, name="seed", where="DataLoader")
        self.shuffle = shuffle
        self.last_batch = last_batch
        self.collate = collate
        self.epoch = 0
        """Number of the epoch that the next ``iter`` starts; set it to continue a run."""
        self._sized = isinstance(dataset, IndexedDataset)
        self._check()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the content of the dataset; batching and order do not change it."""
        return fingerprint(self.dataset)

    def __len__(self) -> int:
        if not self._sized:
            raise TypeError(
                fault("The number of batches is not known.", where="DataLoader", fix=f"give {type(self.dataset).__name__} a __len__")
            )
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (self._keep_partial and rest > 0)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        epoch = self.epoch
        self.epoch += 1
        return self._indexed(epoch) if self._sized else self._streamed(epoch)

    @property
    def _keep_partial(self) -> bool:
        return self.last_batch != "discard"

    def _indexed(self, epoch: int) -> Iterator[Any]:
        order: Order = Shuffled(self.seed) if self.shuffle else Sequential()
        fetch = fetch_for(self.dataset, self.collate, self.seed)
        for numbers in batches_of(order.numbers(len(self.dataset), epoch), self.batch_size, keep_partial=self._keep_partial):
            yield fetch(numbers, epoch)

    def _streamed(self, epoch: int) -> Iterator[Any]:
        empty = True
        for batch in stream_batches(
            self.dataset, self.batch_size, self.collate, seed=self.seed, epoch=epoch, keep_partial=self._keep_partial
        ):
            empty = False
            yield batch
        if empty:
            raise ValueError(self._no_batch())

    def _check(self) -> None:
        if self.last_batch not in get_args(LastBatch):
            raise ValueError(
                fault(f"Unknown last_batch {self.last_batch!r}.", where="DataLoader", fix=one_of(str(self.last_batch), get_args(LastBatch)))
            )
        if not callable(self.collate):
            raise TypeError(
                fault(
                    f"collate must be callable, got {self.collate!r}.",
                    where="DataLoader",
                    fix="pass a function from a list of items to a batch",
                )
            )
        if self.shuffle and not self._sized:
            raise TypeError(
                fault(
                    f"{type(self.dataset).__name__} cannot be shuffled: its length is not known.",
                    where="DataLoader",
                    fix="give it __len__ and __getitem__, or shuffle=False",
                )
            )
        if self._sized and len(self) == 0:
            raise ValueError(self._no_batch())

    def _no_batch(self) -> str:
        return fault(
            f"The dataset gives no batch of {self.batch_size}.",
            where=f"DataLoader over {type(self.dataset).__name__}, last_batch={self.last_batch!r}",
            fix="give more items, a smaller batch_size, or last_batch='rollover'",
        )
