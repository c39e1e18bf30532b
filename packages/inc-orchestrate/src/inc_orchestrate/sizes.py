"""Several sizes of the calibration data, tried one after the other: each goes on reading where the one before it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import attrs
from inc_adaptors.batches import batch_size, part, take
from inc_config.quantization import QuantizeConfig

from inc_orchestrate.data import CalibrationData

RECIPE = "calibration_samples"
"""What tells plans of later sizes from those of the first, which do not carry it."""


def sizes_of(config: QuantizeConfig) -> tuple[int, ...]:
    """Every size that was asked for, rising."""
    return tuple(sorted({config.calibration_samples, *config.tuning.calibration_samples}))


def size_recipe(size: int, config: QuantizeConfig) -> Mapping[str, Any]:
    """What plans carry whose ranges come from ``size`` samples."""
    return {} if size == sizes_of(config)[0] else {RECIPE: size}


def size_of(recipes: Mapping[str, Any], config: QuantizeConfig) -> int:
    """How many samples the ranges of a plan come from."""
    return int(recipes.get(RECIPE, sizes_of(config)[0]))


class Portions:
    """Calibration data in portions, each of which must be used up before the next is asked for."""

    def __init__(self, calibration: CalibrationData) -> None:
        self._calibration = calibration
        self._batches = chain((calibration.first,), calibration.rest)
        self._pushed: Any = None
        self._given = 0

    def upto(self, size: int) -> CalibrationData | None:
        """The samples after those given so far, until there were ``size`` in all; None where there are no more."""
        left = size - self._given
        first = self._next(left)
        if first is None:
            return None
        return attrs.evolve(self._calibration, first=first, rest=self._more(left - batch_size(first)))

    def _more(self, left: int) -> Iterator[Any]:
        while left > 0 and (batch := self._next(left)) is not None:
            left -= batch_size(batch)
            yield batch

    def _next(self, most: int) -> Any:
        """The next batch, cut to ``most`` samples where it may be; what is cut off comes next."""
        batch, self._pushed = self._pushed, None
        if batch is None:
            batch = next(self._batches, None)
        if batch is None or most <= 0:
            self._pushed = batch
            return None
        if batch_size(batch) > most and self._calibration.may_be_cut:
            batch, self._pushed = take(batch, most), part(batch, most, batch_size(batch))
        self._given += batch_size(batch)
        return batch
