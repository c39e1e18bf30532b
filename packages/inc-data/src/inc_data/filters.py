"""Filters: which items of a dataset are used."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from inc_data.detection import DetectionLabel
from inc_data.faults import fault, one_of, whole_number
from inc_data.reading import checked_dataset, length_of, read_item
from inc_data.split import Subset

Filter = Callable[[Any, Any], bool]
"""Whether to keep an item, given image and label."""


class LabelFilter(ABC):
    """A filter that looks at labels alone, so that nothing is decoded where a dataset knows its labels."""

    @abstractmethod
    def keeps(self, label: Any) -> bool:
        """Return whether the item with this label is used."""

    def __call__(self, image: Any, label: Any) -> bool:
        """Return whether the item is used; the image is not looked at."""
        return self.keeps(label)


@dataclass(frozen=True)
class LabelBalance(LabelFilter):
    """Keep images with exactly ``size`` boxes."""

    size: int = 1

    def __post_init__(self) -> None:
        whole_number(self.size, minimum=1, name="size", where="LabelBalance")

    def keeps(self, label: Any) -> bool:
        """Return whether the label has ``size`` boxes; 1.x's sequences (boxes, ...) count too."""
        boxes = label.boxes if isinstance(label, DetectionLabel) else label[0]
        return len(boxes) == self.size


FILTERS: dict[str, Callable[..., Filter]] = {
    "LabelBalance": LabelBalance,
    "LabelBalanceCOCORaw": LabelBalance,
    "LabelBalanceCOCORecord": LabelBalance,
}


def build_filter(name: str, **args: Any) -> Filter:
    """Build the filter of that name; 1.x knows it as LabelBalance, and with a dataset's name behind.

    Raises:
        ValueError: the name is unknown, or an argument's value is refused.
        TypeError: an argument is missing or unknown.
    """
    if name not in FILTERS:
        raise ValueError(fault(f"Unknown filter {name!r}.", where="build_filter", fix=one_of(str(name), FILTERS)))
    unknown = sorted(set(args) - {"size"})
    if unknown:
        raise TypeError(fault(f"{name} has no argument {unknown[0]!r}.", where=f"the arguments of filter {name}", fix="use size"))
    return FILTERS[name](**args)


def filtered(dataset: Any, keep: Filter) -> Subset:
    """Return the items of a dataset that a filter keeps.

    Args:
        dataset: items (image, label) found by number.
        keep: called with image and label; a ``LabelFilter`` is given ``None`` for the image where the dataset knows its labels.

    Raises:
        TypeError: items cannot be found by number, or are no pairs.
        ValueError: nothing is left.
    """
    dataset = checked_dataset(dataset, "filtered")
    total = length_of(dataset)
    labels = getattr(dataset, "labels", None) if isinstance(keep, LabelFilter) else None
    if labels is not None and len(labels) == total:
        return Subset(dataset, kept(((None, label) for label in labels), keep, "filtered"))
    return Subset(dataset, kept((_pair(dataset, index) for index in range(total)), keep, "filtered"))


def kept(items: Iterable[tuple[Any, Any]], keep: Filter, where: str) -> list[int]:
    """Return the numbers of the items (image, label) that a filter keeps; ValueError when there are none."""
    numbers = [number for number, (image, label) in enumerate(items) if keep(image, label)]
    if not numbers:
        raise ValueError(fault(f"{keep} keeps no item.", where=where, fix="loosen the filter"))
    return numbers


def _pair(dataset: Any, index: int) -> tuple[Any, Any]:
    item = read_item(dataset, index, seed=0, epoch=0)
    if not isinstance(item, tuple) or len(item) != 2:
        raise TypeError(
            fault("An item is no pair (image, label).", where=f"item {index} of {type(dataset).__name__}", fix="filter labelled data")
        )
    return item
