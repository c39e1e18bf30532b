"""Disjoint, reproducible parts of a dataset for calibration, evaluation and confirmation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inc_data.faults import fault, whole_number
from inc_data.fingerprint import digest_of, fingerprint
from inc_data.protocols import Array, BatchReader, IndexArray, Item, Labelled
from inc_data.randomness import permutation
from inc_data.reading import batch_reader, checked_dataset, length_of


class Subset:
    """Some items of a dataset, by their numbers there; a subset of a subset refers to the whole."""

    def __init__(self, dataset: Any, indices: Sequence[int] | IndexArray) -> None:
        numbers = np.asarray(indices).reshape(-1)
        if numbers.size and numbers.dtype.kind not in "iu":
            raise TypeError(fault(f"Indices must be integers, got {numbers.dtype}.", where="Subset", fix="pass the numbers of items"))
        numbers = numbers.astype(np.int64)
        self.dataset: Any = dataset.dataset if isinstance(dataset, Subset) else dataset
        self.indices: IndexArray = dataset.indices[numbers] if isinstance(dataset, Subset) else numbers

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the content of the items, whatever their order here."""
        return fingerprint(self)

    @property
    def labels(self) -> Any:
        """Labels of the items where the dataset knows them as one array, else None."""
        labels = known_labels(self.dataset, None)
        return None if labels is None else labels[self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Item:
        return self.dataset[int(self.indices[index])]

    def batch_reader(self) -> BatchReader | None:
        """Return the dataset's own reader for these items."""
        read = batch_reader(self.dataset)
        return None if read is None else lambda index: read(self.indices[index])

    def digest(self, indices: IndexArray) -> str:
        """Return the dataset's digest of the items at ``indices`` of this subset, in the dataset's own order."""
        return digest_of(self.dataset, np.sort(self.indices[indices]))


@dataclass(frozen=True)
class Split:
    """Three parts that share no item; a part that was not asked for is empty."""

    calibration: Subset
    evaluation: Subset
    confirmation: Subset


def split(dataset: Any, *, calibration: float = 0, evaluation: float = 0, confirmation: float = 0, seed: int = 0) -> Split:
    """Draw disjoint parts, with each label's share kept to within one item of what is left to draw from.

    Labels are used where they are known without reading the inputs (``labels``, or ``targets`` as in torchvision: one number or text per
    item); else the parts are drawn evenly. Items stand in random order, so that the first part of an evaluation is a fair sample.

    Args:
        dataset: items found by number.
        calibration: an integer is a number of items, a float a share (0..1) of the dataset, rounded down.
        evaluation: the same.
        confirmation: the same; held back to confirm the model that evaluation chose.
        seed: non-negative.

    Raises:
        TypeError: items cannot be found by number.
        ValueError: a size is out of range, nothing is asked for, or together more than there is.
    """
    dataset = checked_dataset(dataset, "split")
    whole_number(seed, minimum=0, name="seed", where="split")
    total = length_of(dataset)
    asked = {"calibration": calibration, "evaluation": evaluation, "confirmation": confirmation}
    sizes = [_size(share, total, name) for name, share in asked.items()]
    if not 0 < sum(sizes) <= total:
        shown = ", ".join(f"{name} {size}" for name, size in zip(asked, sizes, strict=True))
        raise ValueError(
            fault(
                f"The parts need {sum(sizes)} items, the dataset has {total}.",
                where=f"split: {shown}",
                fix="ask for at least one item, and together for no more than there are",
            )
        )
    return Split(*(Subset(dataset, part) for part in _draw(known_labels(dataset, total), total, sizes, seed)))


def known_labels(dataset: Any, total: int | None) -> Array | None:
    """Return one label per item as an array ``(N,)`` of whole numbers or text where the dataset knows them, else None."""
    source = dataset.labels if isinstance(dataset, Labelled) else getattr(dataset, "targets", None)
    if source is None or isinstance(source, dict | tuple):
        return None
    labels = np.asarray(source)
    fits = labels.ndim == 1 and labels.dtype.kind in "biuU" and (total is None or len(labels) == total)
    return labels if fits else None


def _size(share: float, total: int, name: str) -> int:
    if not isinstance(share, float):
        return whole_number(share, minimum=0, name=name, where="split")
    # A share such as 0.29 of 100 is 28.999... in floating point and means 29.
    size = int(share * total + 1e-9) if 0.0 <= share <= 1.0 else 0
    if share and not size:
        raise ValueError(
            fault(
                f"{name}={share} of {total} items is none.",
                where="split",
                fix="a float is a share from 0.0 to 1.0; pass an integer for a number of items",
            )
        )
    return size


def _draw(labels: Array | None, total: int, sizes: Sequence[int], seed: int) -> list[IndexArray]:
    groups = np.zeros(total, dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1].reshape(-1)
    shuffled = permutation(total, seed, 0)
    # One queue per label, each in random order: sorting by label is stable.
    by_label = shuffled[np.argsort(groups[shuffled], kind="stable")]
    counts = np.bincount(groups)
    queues = np.split(by_label, np.cumsum(counts)[:-1])
    taken = np.zeros_like(counts)
    parts = []
    for number, size in enumerate(sizes, start=1):
        share = _shares(counts - taken, size, permutation(len(counts), seed, number))
        part = np.concatenate([queue[start : start + n] for queue, start, n in zip(queues, taken, share, strict=True)])
        parts.append(part[permutation(len(part), seed, number, 1)])
        taken = taken + share
    return parts


def _shares(available: IndexArray, size: int, tie_order: IndexArray) -> IndexArray:
    """Divide ``size`` by largest remainders: each share is its quota ``size * available / sum`` rounded down or up."""
    if size == 0:
        return np.zeros_like(available)
    # Whole numbers keep quotas exact.
    whole, remainder = np.divmod(size * available, available.sum())
    order = tie_order[np.argsort(-remainder[tie_order], kind="stable")]
    whole[order[: size - whole.sum()]] += 1
    return whole
