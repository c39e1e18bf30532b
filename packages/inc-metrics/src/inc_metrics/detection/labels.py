"""Class labels: ids, or names that stand for ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import as_labels
from inc_metrics.errors import MetricTypeError, MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_ID = 2**31 - 1


class ClassMap:
    """The classes of a data set: which ids there are, and what they are called.

    Args:
        classes: names to ids, or names in the order of their ids from 0 on; None accepts any id of 0 or more, and no names.
        where: of the caller, for error messages.

    Raises:
        MetricTypeError: names that are no strings, ids that are no whole numbers.
        MetricValueError: no classes, or an id or a name that appears twice.
    """

    def __init__(self, classes: Mapping[str, int] | Sequence[str] | None, *, where: str) -> None:
        self._ids = None if classes is None else _ids_of(classes, where=where)
        self._known = None if self._ids is None else np.array(sorted(self._ids.values()), dtype=np.int64)

    def ids(self, labels: Any, *, where: str) -> NDArray[np.int64]:
        """Return the ids of labels given as ids or as names, shape ``(N,)``.

        Raises:
            MetricValueError: a label that is none of the classes.
            MetricTypeError: neither numbers nor strings.
        """
        names = _as_names(labels)
        if names is not None:
            return np.array([self._id(name, where=where) for name in names], dtype=np.int64)
        values = as_array(labels, where=where)
        if values.size == 0:
            return np.zeros(values.shape, dtype=np.int64)
        if values.max() > LARGEST_ID:
            raise MetricValueError(f"Label {values.max()} is too large", where, f"class ids are at most {LARGEST_ID}")
        found = as_labels(values, classes=None, where=where)
        self._refuse_unknown(found, where=where)
        return found

    def name_of(self, label: int) -> str | int:
        """Return what a class is called, or its id where it has no name."""
        return next((name for name, known in (self._ids or {}).items() if known == label), label)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClassMap) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(tuple(sorted((self._ids or {}).items())))

    def __repr__(self) -> str:
        return "any" if self._ids is None else f"{len(self._ids)} named classes"

    def _id(self, name: str, *, where: str) -> int:
        if self._ids is None:
            raise MetricValueError(f"The label {name!r} is a name, and no names are known", where, "give classes={name: id, ...}")
        if name not in self._ids:
            raise MetricValueError(f"Unknown class {name!r}", where, _suggest(name, list(self._ids)))
        return self._ids[name]

    def _refuse_unknown(self, labels: NDArray[np.int64], *, where: str) -> None:
        if self._known is None:
            return
        unknown = ~np.isin(labels, self._known)
        if unknown.any():
            listing = ", ".join(str(label) for label in self._known[:100])
            raise MetricValueError(f"Label {labels[unknown][0]} is none of the classes", where, f"the class ids are {listing}")


def _ids_of(classes: Mapping[str, int] | Sequence[str], *, where: str) -> dict[str, int]:
    if isinstance(classes, str) or not isinstance(classes, (Mapping, Sequence)):
        raise MetricTypeError(f"classes is a {type(classes).__name__}", where, "give {name: id, ...} or a list of names")
    pairs = list(classes.items()) if isinstance(classes, Mapping) else [(name, number) for number, name in enumerate(classes)]
    for name, number in pairs:
        if not isinstance(name, str) or isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise MetricTypeError(f"The class {name!r}: {number!r} is no name with an id", where, "map strings to whole numbers")
        if not 0 <= number <= LARGEST_ID:
            raise MetricValueError(f"The class {name!r} has the id {number}", where, f"ids are from 0 to {LARGEST_ID}")
    ids = {name: int(number) for name, number in pairs}
    if not ids:
        raise MetricValueError("There are no classes", where, "name at least one, or leave classes out")
    if len(set(ids.values())) != len(pairs) or len(ids) != len(pairs):
        raise MetricValueError("Two classes share a name or an id", where, "give every class a name and an id of its own")
    return ids


def _as_names(labels: Any) -> list[str] | None:
    """Return the labels as strings where they are strings or bytes, else None."""
    listed = labels.tolist() if isinstance(labels, np.ndarray) and labels.dtype.kind in "USO" else labels
    if not isinstance(listed, (list, tuple)) or not listed or not all(isinstance(item, (str, bytes)) for item in listed):
        return None
    return [item.decode("utf-8") if isinstance(item, bytes) else item for item in listed]


def _suggest(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    listing = f"one of {', '.join(known[:100])}"
    close = get_close_matches(name, known, n=1)
    return f"{listing}; did you mean {close[0]}?" if close else listing
