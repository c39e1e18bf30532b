"""The loader: a dataset in batches, as often as it is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, get_args

from inc_data.faults import fault, finite_number, one_of, whole_number
from inc_data.fingerprint import fingerprint
from inc_data.loader.fetch import Collate, FetchRows, OnError, Partial, fetch_for, stream_batches
from inc_data.loader.orders import Given, Order, Sequential, Shuffled, batches_of, checked_numbers
from inc_data.loader.pool import Numbers
from inc_data.loader.workers import WorkerKind, in_processes, in_threads, stream_in_thread
from inc_data.protocols import IndexedDataset
from inc_data.reading import checked_dataset
from inc_data.structure import collate as stack

LastBatch = Literal["rollover", "discard"]
_log = logging.getLogger("inc_data")


class DataLoader:
    """Batches of a dataset, the same for the same arguments on every machine and for any number of workers.

    A dataset is any object with ``__len__`` and ``__getitem__``, or ``__iter__``, or ``__getitem__`` alone (read until IndexError).
    Batches of arrays in order are slices, that is views: change a copy.

    Args:
        dataset: the items.
        batch_size: items per batch, at least 1.
        shuffle: visit the items in a new order in each epoch, given by ``seed`` and the epoch's number; needs a dataset with a length.
        seed: of the order, and of random transforms while this loader reads.
        last_batch: ``rollover`` keeps a last batch that is smaller (the word of 1.x), ``discard`` drops it.
        collate: turns a list of items into a batch; by default ``inc_data.collate``.
        sampler: in place of ``shuffle``: an ``Order`` (``Weighted``, ``Distributed``, ...), or integers that can be iterated again.
        batch_sampler: in place of all of these: lists of item numbers, one per batch, that can be iterated again.
        num_workers: read batches ahead; 0 reads each when it is asked for.
        workers: ``threads`` share memory and start at once; ``processes`` suit transforms in pure Python, and each gets a copy of the
            dataset. A dataset without a length is read by one thread.
        prefetch: batches read ahead per worker: memory holds ``num_workers * prefetch`` batches and the one in use.
        timeout_s: longest wait for a batch of the workers, in seconds; a worker that hangs is then a TimeoutError. By default none.
        on_error: ``raise`` stops at an item that cannot be read, and the error names it; ``skip`` leaves out items with bad data
            (ValueError, OSError), counts them in ``skipped`` and logs the count after each epoch: such batches are smaller, or fewer.

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
        sampler: Order | Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        workers: WorkerKind = "threads",
        prefetch: int = 2,
        timeout_s: float | None = None,
        on_error: OnError = "raise",
    ) -> None:
        self.dataset = checked_dataset(dataset, "DataLoader")
        self.batch_size = whole_number(batch_size, minimum=1, name="batch_size", where="DataLoader")
        self.seed = whole_number(seed, minimum=0, name="seed", where="DataLoader")
        self.num_workers = whole_number(num_workers, minimum=0, name="num_workers", where="DataLoader")
        self.prefetch = whole_number(prefetch, minimum=1, name="prefetch", where="DataLoader")
        self.timeout_s = None if timeout_s is None else finite_number(timeout_s, name="timeout_s", where="DataLoader")
        self.shuffle = shuffle
        self.last_batch = last_batch
        self.collate = collate
        self.workers = workers
        self.on_error = on_error
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.epoch = 0
        """Number of the epoch that the next ``iter`` starts; set it to continue a run."""
        self.skipped = 0
        """Items that the last epoch left out."""
        self._sized = isinstance(dataset, IndexedDataset)
        self._check()
        default: Order = Shuffled(self.seed) if shuffle else Sequential()
        self._order: Order = default if sampler is None else sampler if isinstance(sampler, Order) else Given(sampler)
        if self._sized and len(self) == 0:
            raise ValueError(self._no_batch())

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the content of the dataset; batching and order do not change it."""
        return fingerprint(self.dataset)

    def __len__(self) -> int:
        if not self._sized:
            raise TypeError(
                fault("The number of batches is not known.", where="DataLoader", fix=f"give {type(self.dataset).__name__} a __len__")
            )
        if self.batch_sampler is not None:
            return sum(1 for _ in self.batch_sampler)
        items = len(self.dataset) if self.sampler is None else len(self._order.numbers(len(self.dataset), 0))
        whole, rest = divmod(items, self.batch_size)
        return whole + (self._keep_partial and rest > 0)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        epoch = self.epoch
        self.epoch += 1
        if not self._sized:
            return self._streamed(epoch)
        return self._indexed(epoch) if self.on_error == "raise" else self._skipping(epoch)

    @property
    def _keep_partial(self) -> bool:
        return self.last_batch != "discard"

    def _batches(self, epoch: int) -> Iterable[Numbers]:
        count = len(self.dataset)
        if self.batch_sampler is not None:
            return (checked_numbers(numbers, count) for numbers in self.batch_sampler)
        return batches_of(self._order.numbers(count, epoch), self.batch_size, keep_partial=self._keep_partial)

    def _indexed(self, epoch: int) -> Iterator[Any]:
        fetch = fetch_for(self.dataset, self.collate, self.seed, self.on_error)
        batches = self._batches(epoch)
        if self.num_workers:
            read = in_threads if self.workers == "threads" else in_processes
            return read(fetch, batches, epoch, workers=self.num_workers, ahead=self.num_workers * self.prefetch, timeout_s=self.timeout_s)
        return fetch.each(batches) if isinstance(fetch, FetchRows) else (fetch(numbers, epoch) for numbers in batches)

    def _skipping(self, epoch: int) -> Iterator[Any]:
        self.skipped = 0
        first = ""
        empty = True
        partial: Partial
        for partial in self._indexed(epoch):
            if partial.skipped and not first:
                first = "item {}: {}".format(*partial.skipped[0])
            self.skipped += len(partial.skipped)
            if not partial.empty:
                empty = False
                yield partial.batch
        if empty:
            raise ValueError(
                fault(
                    f"No item could be read; the first is {first}.",
                    where=f"DataLoader over {type(self.dataset).__name__}",
                    fix="mend the data",
                )
            )
        if self.skipped:
            _log.warning("%s: %d items were skipped, the first is %s", type(self.dataset).__name__, self.skipped, first)

    def _streamed(self, epoch: int) -> Iterator[Any]:
        batches = stream_batches(self.dataset, self.batch_size, self.collate, seed=self.seed, epoch=epoch, keep_partial=self._keep_partial)
        empty = True
        if self.num_workers:
            batches = stream_in_thread(batches, ahead=self.num_workers * self.prefetch, timeout_s=self.timeout_s)
        for batch in batches:
            empty = False
            yield batch
        if empty:
            raise ValueError(self._no_batch())

    def _check(self) -> None:
        for name, known in (("last_batch", get_args(LastBatch)), ("workers", get_args(WorkerKind)), ("on_error", get_args(OnError))):
            if getattr(self, name) not in known:
                raise ValueError(
                    fault(f"Unknown {name} {getattr(self, name)!r}.", where="DataLoader", fix=one_of(str(getattr(self, name)), known))
                )
        if not callable(self.collate):
            raise TypeError(
                fault(
                    f"collate must be callable, got {self.collate!r}.",
                    where="DataLoader",
                    fix="pass a function from a list of items to a batch",
                )
            )
        if self.timeout_s is not None and (self.timeout_s <= 0 or not self.num_workers):
            what = f"timeout_s must be above 0, got {self.timeout_s:g}." if self.num_workers else "timeout_s has no worker to wait for."
            raise ValueError(fault(what, where="DataLoader", fix="pass seconds, with num_workers of at least 1"))
        self._check_order()

    def _check_order(self) -> None:
        for name, source in (("sampler", self.sampler), ("batch_sampler", self.batch_sampler)):
            if isinstance(source, Iterator) or not (source is None or isinstance(source, Order | Iterable)):
                raise TypeError(
                    fault(
                        f"{name} cannot be read again for every epoch.",
                        where="DataLoader",
                        fix="give a list, or an object whose __iter__ starts anew",
                    )
                )
        orders = {"shuffle": self.shuffle or None, "sampler": self.sampler, "batch_sampler": self.batch_sampler}
        chosen = [name for name, given in orders.items() if given is not None]
        if len(chosen) > 1:
            raise ValueError(fault(f"{' and '.join(chosen)} both give an order.", where="DataLoader", fix="pass one of them"))
        needs = [*chosen, *(["on_error='skip'"] if self.on_error == "skip" else [])]
        if needs and not self._sized:
            what = "shuffled" if needs == ["shuffle"] else f"used with {needs[0]}"
            raise TypeError(
                fault(
                    f"{type(self.dataset).__name__} cannot be {what}: its length is not known.",
                    where="DataLoader",
                    fix="give it __len__ and __getitem__, or read it in its own order",
                )
            )

    def _no_batch(self) -> str:
        return fault(
            f"The dataset gives no batch of {self.batch_size}.",
            where=f"DataLoader over {type(self.dataset).__name__}, last_batch={self.last_batch!r}",
            fix="give more items, a smaller batch_size, or last_batch='rollover'",
        )
