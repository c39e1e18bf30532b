"""What all mean average precisions share: images in, matched once, in order; merging and resampling."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.detection import images
from inc_metrics.detection.boxes import BoxFormat, parse_box_format
from inc_metrics.detection.images import Batch, read_batch
from inc_metrics.detection.labels import ClassMap
from inc_metrics.detection.ranking import Curves, Matched, Ranking, curves, drawn_curves, join, rank
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.state import check_mergeable, no_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

CurvesOf = Callable[[int, "NDArray[np.int64]"], Curves]
"""gives the curves of an area range and of some thresholds, by their numbers"""

_IMAGES_AT_ONCE = 4096
"""bounds the memory for matching, whatever the number of images"""


class DetectionMetric(ABC):
    """Takes in images, matches each of them once, and keeps what became of every detection.

    Args:
        classes: names to ids, names in the order of their ids, or None for any ids.
        box_format: of predictions and targets.
    """

    higher_is_better: ClassVar[bool] = True
    _excuse: ClassVar[str]
    """the targets' key for objects that count neither way"""

    def __init__(self, *, classes: Mapping[str, int] | Sequence[str] | None, box_format: BoxFormat | str) -> None:
        where = type(self).__name__
        self._classes = ClassMap(classes, where=f"{where}(classes)")
        self._box_format = parse_box_format(box_format, where=f"{where}(box_format)")
        self.reset()

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        self._parts: list[Batch | Matched] = []
        self._ids: list[int | str] = []
        self._seen: set[int | str] = set()
        self._images = 0
        self._ranked: Ranking | None = None

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one image, as two mappings, or a list of images.

        Raises:
            MetricValueError: unequal numbers of images or rows, NaN, a negative size, an unknown label, an image seen before.
            MetricTypeError: no mapping, a key that is missing, no numbers.
        """
        where = f"{type(self).__name__}.update"
        batch = read_batch(predictions, targets, classes=self._classes, box_format=self._box_format, excuse=self._excuse, where=where)
        self._append([batch], list(batch.ids or ()), batch.images, where=where)

    def units(self) -> int:
        """Return the number of images."""
        return len(self._seen) if self._ids else self._images

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has, as if its images came after the own ones; ``other`` is unchanged.

        Raises:
            MetricTypeError: another kind of metric.
            MetricValueError: other options, or an image that both have seen.
        """
        check_mergeable(self, other)
        if other._images:
            self._append(list(other._parts), list(other._ids), other._images, where=f"{type(self).__name__}.merge")

    def result(self) -> float:
        """Return the mean over the classes that have objects.

        Raises:
            MetricValueError: no image was taken in, or none of them has an object to find.
        """
        return self._value(lambda area, thresholds: curves(self._ranking("result"), area, thresholds))

    def resampled(self, indices: Any, /) -> float:
        """Return the result over the images ``indices``, each as often as it is named, in the order of their numbers.

        Images are numbered in order of arrival from 0, by ascending id where the targets have ids.

        Raises:
            MetricValueError: an index outside the images, or no object in any of them.
            MetricTypeError: no whole numbers.
        """
        ranking = self._ranking("resampled")
        weights = _weights(indices, self.units(), where=f"{type(self).__name__}.resampled")
        return self._value(lambda area, thresholds: drawn_curves(ranking, area, thresholds, weights))

    def per_class(self) -> dict[str | int, float]:
        """Return the result of each class that has objects, by name where there are names; NaN where none of them counts.

        Raises:
            MetricValueError: no image was taken in.
        """
        ranking = self._ranking("per_class")
        values = self._class_values(lambda area, thresholds: curves(ranking, area, thresholds))
        return {self._classes.name_of(int(label)): float(value) for label, value in zip(ranking.labels, values, strict=True)}

    @abstractmethod
    def _match(self, batch: Batch) -> Matched:
        """Decide what becomes of every detection."""

    @abstractmethod
    def _measure(self, curves_of: CurvesOf) -> NDArray[np.float64]:
        """Return the quantity per threshold and class, ``(T, K)``, NaN for a class without objects."""

    def _value(self, curves_of: CurvesOf) -> float:
        value = mean(self._measure(curves_of))
        if np.isnan(value):
            fix = f"check the targets: boxes, areas, and which objects are {self._excuse}"
            raise MetricValueError("No image has an object to find", f"{type(self).__name__}.result", fix)
        return value

    def _class_values(self, curves_of: CurvesOf) -> NDArray[np.float64]:
        return np.asarray(self._measure(curves_of).mean(axis=0))

    def _options(self) -> dict[str, object]:
        return {"classes": self._classes, "box_format": self._box_format.value}

    def _append(self, parts: list[Batch | Matched], ids: list[int | str], count: int, *, where: str) -> None:
        if self._images and bool(ids) != bool(self._ids):
            raise MetricValueError("Some images have an image_id and some have none", where, "give every image its id, or none")
        if len({isinstance(identifier, str) for identifier in (*ids, *self._ids[:1])}) > 1:
            raise MetricTypeError("Some ids of images are numbers and some are strings", where, "give ids of one kind")
        self._refuse_repeated(ids, where=where)
        self._parts.extend(parts)
        self._ids.extend(ids)
        self._seen.update(ids)
        self._images += count
        self._ranked = None

    def _refuse_repeated(self, ids: list[int | str], *, where: str) -> None:
        here: set[int | str] = set()
        for identifier in ids:
            if identifier in self._seen or identifier in here:
                raise MetricValueError(
                    f"The image {identifier!r} was seen before", where, "give every image once; samplers that pad repeat some"
                )
            here.add(identifier)

    def _ranking(self, method: str) -> Ranking:
        if not self._images:
            raise no_data(self, method)
        if self._ranked is None:
            self._parts = list(self._match_parts())
            self._ranked = rank(join([part for part in self._parts if isinstance(part, Matched)], self._places()))
        return self._ranked

    def _match_parts(self) -> Iterator[Matched]:
        for matched, parts in groupby(self._parts, key=lambda part: isinstance(part, Matched)):
            if matched:
                yield from (part for part in parts if isinstance(part, Matched))
            else:
                for batches in _chunks(part for part in parts if isinstance(part, Batch)):
                    yield self._match(images.join(batches))

    def _places(self) -> NDArray[np.int64]:
        """Return the number of each image; the second appearance of an id is left out, which only variants of 1.x let happen."""
        if not self._ids:
            return np.arange(self._images)
        numbers = {identifier: number for number, identifier in enumerate(sorted(self._seen))}
        return np.array([numbers.pop(identifier, -1) for identifier in self._ids], dtype=np.int64)


def mean(values: NDArray[np.float64]) -> float:
    """Return the mean of what is defined, NaN where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _chunks(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    chunk: list[Batch] = []
    held = 0
    for batch in batches:
        chunk.append(batch)
        held += batch.images
        if held >= _IMAGES_AT_ONCE:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def _weights(indices: Any, count: int, *, where: str) -> NDArray[np.int64]:
    numbers = as_array(indices, where=where)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise MetricTypeError(f"The indices are {numbers.dtype.name} of shape {numbers.shape}", where, "give whole numbers, shape (n,)")
    if not numbers.size:
        raise MetricValueError("No image was chosen", where, "give at least one index")
    if int(numbers.min()) < 0 or int(numbers.max()) >= count:
        wrong = int(numbers.min()) if int(numbers.min()) < 0 else int(numbers.max())
        raise MetricValueError(f"There is no image {wrong}", where, f"images are numbered from 0 to {count - 1}")
    return np.bincount(numbers, minlength=count)
