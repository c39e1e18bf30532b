"""How sparsity grows while a model trains."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
from inc_config.pruning import ScheduleKind


def _jump(_: float, target: float) -> float:
    return target


def _linear(progress: float, target: float) -> float:
    return target * progress


def _cubic(progress: float, target: float) -> float:
    return float(target * progress**3)


def _cosine(progress: float, target: float) -> float:
    return target * (1.0 - math.cos(progress * math.pi / 2.0))


def _exponential(progress: float, target: float) -> float:
    return float(1.0 - (1.0 - target) ** progress)


_CURVES: dict[ScheduleKind, Callable[[float, float], float]] = {
    ScheduleKind.ONE_SHOT: _jump,
    ScheduleKind.LINEAR: _linear,
    ScheduleKind.CUBIC: _cubic,
    ScheduleKind.COSINE: _cosine,
    ScheduleKind.EXPONENTIAL: _exponential,
}


@attrs.frozen(kw_only=True)
class Schedule:
    """Mask updates at ``start_step``, ``start_step + frequency``, ... up to ``end_step`` (optimizer steps, counted from 0).

    With p the share of updates done, sparsity is target times p (linear), p^3 (cubic) or 1 - cos(p pi/2) (cosine), or
    1 - (1 - target)^p (exponential). One-shot has a single update at ``start_step``. The last update always asks for the whole target.
    """

    kind: ScheduleKind
    start_step: int
    end_step: int
    frequency: int = 1

    @property
    def last_update(self) -> int:
        """The step of the last mask update."""
        return self.start_step + self._intervals * self.frequency

    @property
    def updates(self) -> int:
        """How many mask updates there are."""
        return self._intervals + 1

    @property
    def _intervals(self) -> int:
        return 0 if self.kind is ScheduleKind.ONE_SHOT else (self.end_step - self.start_step) // self.frequency

    def is_due(self, step: int) -> bool:
        """Whether masks are recomputed at this step."""
        return self.start_step <= step <= self.last_update and (step - self.start_step) % self.frequency == 0

    def sparsity(self, step: int, target: float) -> float:
        """The sparsity asked for by the last update at or before ``step`` (0 before the first)."""
        if step < self.start_step:
            return 0.0
        if step >= self.last_update:
            return target
        progress = ((step - self.start_step) // self.frequency) / self._intervals
        return min(target, _CURVES[self.kind](progress, target))
