"""Calibrate for a search, and again with more samples where the first were not enough: one pass over the data that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config.quantization import QuantizeConfig

from inc_orchestrate.candidates import Candidates, candidates
from inc_orchestrate.data import CalibrationData
from inc_orchestrate.dispatch import Dispatch
from inc_orchestrate.progress import Progress
from inc_orchestrate.remote import Remote
from inc_orchestrate.sizes import Portions, sizes_of


@attrs.frozen(kw_only=True, eq=False)
class Calibrated:
    """Candidates whose ranges come from ``size`` samples (as asked for), and where their trials run."""

    size: int
    found: Candidates
    dispatch: Dispatch | None


class Widening:
    """The calibration of one search: ``first`` once, then ``more`` as often as there are sizes and samples."""

    def __init__(
        self,
        handle: ModelHandle,
        config: QuantizeConfig,
        *,
        adaptor: Adaptor,
        calibration: CalibrationData | None,
        example: Any,
        progress: Progress,
        workers: Remote | None,
    ) -> None:
        self._handle = handle
        self._config = config
        self._adaptor = adaptor
        self._portions = None if calibration is None else Portions(calibration)
        self._example = example
        self._progress = progress
        self._workers = workers
        self._sizes: Iterator[int] = iter(sizes_of(config))
        self._found: Candidates | None = None

    def first(self) -> Calibrated:
        """Candidates from the smallest size; raises as ``candidates`` does."""
        size = next(self._sizes)
        self._found = self._candidates(size, None if self._portions is None else self._portions.upto(size))
        return self._calibrated(size, self._found, search="")

    def more(self) -> Calibrated | None:
        """Candidates from the next size; None where there is none, where the data has ended, or where plans need no statistics."""
        size = next(self._sizes, None)
        if size is None or self._found is None or self._portions is None or not self._found.statistics.values:
            return None
        portion = self._portions.upto(size)
        if portion is None:
            samples = self._found.statistics.samples
            self._progress.note(f"calibration data ended after {samples} samples: {size} were not tried")
            return None
        self._found = attrs.evolve(self._candidates(size, portion), kept=self._found.kept)
        self._progress.say(f"calibrated with {self._found.statistics.samples} samples; the search starts anew")
        return self._calibrated(size, self._found, search=f"{size}-")

    def _candidates(self, size: int, portion: CalibrationData | None) -> Candidates:
        earlier = None if self._found is None else self._found.statistics
        return candidates(
            self._adaptor,
            self._handle,
            attrs.evolve(self._config, calibration_samples=size if earlier is None else max(1, size - earlier.samples)),
            example=self._example,
            calibration=portion,
            progress=self._progress,
            workers=self._workers,
            earlier=earlier,
        )

    def _calibrated(self, size: int, found: Candidates, *, search: str) -> Calibrated:
        workers = self._workers
        dispatch = None if workers is None else workers.dispatch(found.capabilities, found.statistics, search=search)
        return Calibrated(size=size, found=found, dispatch=dispatch)
