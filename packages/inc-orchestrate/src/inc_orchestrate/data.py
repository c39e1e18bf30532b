"""The user's data on its way into the pipeline: inputs apart from targets, identities of samples, calibration and held-out parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import attrs
import numpy as np
from inc_adaptors.batches import as_batches, batch_size, checked, fixed_size, leaves, limited, part, split, take, to_numpy, whole
from inc_adaptors.handle import Signature
from inc_config.errors import DataError

HELD_OUT_SAMPLES = 200
"""Samples held out of the calibration data when there is no evaluation: with 200, one disagreement is half a point."""


class SampleIds:
    """Which samples were seen, by content: tells data apart and finds overlaps, whatever their order and batching."""

    def __init__(self) -> None:
        self._inputs: set[bytes] = set()
        self._everything: list[bytes] = []

    def update(self, inputs: Any, targets: Any = None) -> None:
        """Take in one batch."""
        size = batch_size(inputs)
        rows = _rows(inputs, size)
        whole = _rows((inputs, targets), size) if targets is not None else rows
        self._inputs.update(rows)
        self._everything.extend(whole)

    def overlap(self, other: SampleIds) -> int:
        """How many distinct inputs both have seen."""
        return len(self._inputs & other._inputs)

    @property
    def count(self) -> int:
        """How many samples were seen."""
        return len(self._everything)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the samples with their targets, in any order."""
        return hashlib.sha256(b"".join(sorted(self._everything))).hexdigest()


def _rows(batch: Any, size: int) -> list[bytes]:
    hashes = [hashlib.blake2b(digest_size=16) for _ in range(size)]
    for path, leaf in leaves(batch):
        if leaf is None:
            continue
        array = _numbers(leaf)
        if array is None or array.ndim == 0 or array.shape[0] != size:
            continue
        rows = np.ascontiguousarray(array).reshape(size, -1)
        for running, row in zip(hashes, rows, strict=True):
            running.update(f"{path}|{array.dtype.str}|".encode())
            running.update(row.tobytes())
    return [running.digest() for running in hashes]


def _numbers(leaf: Any) -> np.ndarray[Any, Any] | None:
    try:
        return to_numpy(leaf)
    except DataError:
        return None


def input_names(signature: Signature) -> tuple[str, ...] | int | None:
    """The model's input names, or their number, or None where the framework says neither."""
    return signature.expected


def inputs_of(data: Any, signature: Signature) -> Iterator[Any]:
    """The inputs of every batch of any supported source, targets dropped."""
    names = input_names(signature)
    for batch in as_batches(data):
        yield split(batch, names)[0]


def first_batches(data: Any, signature: Signature, samples: int) -> tuple[Any, ...]:
    """The inputs of the first samples, in batches that the model takes."""
    return tuple(limited(whole(inputs_of(data, signature), signature), samples, cut=fixed_size(signature) is None))


@attrs.frozen(kw_only=True, eq=False)
class CalibrationData:
    """Batches of inputs to calibrate with: ``first`` is looked at before the pass, ``stream`` gives all of them once.

    Batches that ``may_be_cut`` are not of the only size that the model takes.
    """

    first: Any
    rest: Iterable[Any]
    ids: SampleIds
    may_be_cut: bool = True

    def stream(self) -> Iterator[Any]:
        """Every batch, remembered in ``ids`` as it passes."""
        for inputs in chain((self.first,), self.rest):
            self.ids.update(inputs)
            yield inputs


def calibration_data(data: Any, *, samples: int, signature: Signature) -> CalibrationData:
    """Prepare ``samples`` samples of ``data`` for one pass.

    Raises:
        DataError: there is no batch, or the first one is empty, not finite or not fit.
    """
    may_be_cut = fixed_size(signature) is None
    batches = checked(limited(whole(inputs_of(data, signature), signature), samples, cut=may_be_cut), where="calibrate=")
    first = next(batches)
    return CalibrationData(first=first, rest=batches, ids=SampleIds(), may_be_cut=may_be_cut)


def hold_out(data: Any, *, samples: int, signature: Signature) -> tuple[CalibrationData, tuple[Any, ...]]:
    """Divide one source into calibration batches and held-out batches, which it needs to hold in memory.

    Batches go to the two sides in turn, so that data sorted by class leaves both with every class; what is too much for one side goes to
    the other, and a single batch is divided. Batches of the only size that the model takes are not divided.

    Raises:
        DataError: fewer than two samples, or batches.
    """
    may_be_cut = fixed_size(signature) is None
    sides: tuple[list[Any], list[Any]] = ([], [])
    left = [samples, HELD_OUT_SAMPLES]
    for inputs in checked(whole(inputs_of(data, signature), signature), where="calibrate="):
        first = int(left[0] <= 0 or (len(sides[0]) > len(sides[1]) and left[1] > 0))
        rest = inputs
        for side in (first, 1 - first):
            size = 0 if rest is None else batch_size(rest)
            count = min(left[side], size) if may_be_cut or left[side] <= 0 else size
            if count > 0:
                sides[side].append(part(rest, 0, count))
                left[side] -= count
                rest = part(rest, count, size) if count < size else None
        if max(left) <= 0:
            break
    calibration, held = sides
    if not held:
        calibration, held = _halves(calibration[0], may_be_cut=may_be_cut)
    return CalibrationData(first=calibration[0], rest=calibration[1:], ids=SampleIds(), may_be_cut=may_be_cut), tuple(held)


def _halves(batch: Any, *, may_be_cut: bool) -> tuple[list[Any], list[Any]]:
    size = batch_size(batch)
    if size < 2 or not may_be_cut:
        one = "sample" if may_be_cut else "batch of the only size that the model takes"
        raise DataError(
            f"One {one} cannot both calibrate the model and judge it.",
            where="calibrate=, with no evaluate=",
            fix=f"give evaluate=Evaluation(loader, metric), or at least two {'samples' if may_be_cut else 'batches'}",
        )
    return [take(batch, size // 2)], [part(batch, size // 2, size)]
