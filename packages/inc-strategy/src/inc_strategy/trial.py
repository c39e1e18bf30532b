"""What is known about a proposal: a finished trial, a finished probe, or that it is still pending."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Any

import attrs
from inc_config.frozen import FrozenMap
from inc_config.plan import FLOAT, OpId, QuantizationPlan

from inc_strategy.actions import Evaluate, Probe


class TrialStatus(enum.Enum):
    """How a trial ended.

    ``STOPPED_EARLY``: the verdict was certain before all data were seen, so its accuracy is censored. ``FAILED``: the evaluation raised
    or gave no number. ``LOST``: the process or worker that ran it is gone; it may be proposed again.
    """

    COMPLETE = "complete"
    STOPPED_EARLY = "stopped_early"
    FAILED = "failed"
    LOST = "lost"


def _as_float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _as_interval(value: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if value is None else (float(value[0]), float(value[1]))


def _finite(_: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be a finite number, got {value}")


_optional_finite = attrs.validators.optional(_finite)


def _interval(_: Any, attribute: attrs.Attribute[Any], value: tuple[float, float] | None) -> None:
    if value is not None and not (math.isfinite(value[0]) and math.isfinite(value[1]) and value[0] <= value[1]):
        raise ValueError(f"{attribute.name} must be two finite numbers, the smaller first, got {value}")


@attrs.frozen(kw_only=True)
class Measurement:
    """Numbers of one trial; None where not measured.

    ``accuracy`` is in the metric's own unit, ``accuracy_interval`` its confidence interval, ``samples`` how many samples it rests on,
    ``latency_s`` seconds per batch, ``size_bytes`` bytes on disk, ``memory_bytes`` peak bytes, ``seconds`` what the trial itself took.
    ``in_float`` says that nothing of the model computes in integers or 16 bits, whatever its plan calls quantized.
    """

    accuracy: float | None = attrs.field(default=None, converter=_as_float, validator=_optional_finite)
    accuracy_interval: tuple[float, float] | None = attrs.field(default=None, converter=_as_interval, validator=_interval)
    samples: int | None = None
    latency_s: float | None = attrs.field(default=None, converter=_as_float, validator=_optional_finite)
    size_bytes: int | None = None
    memory_bytes: int | None = None
    seconds: float = attrs.field(default=0.0, converter=float, validator=_finite)
    in_float: bool = False


@attrs.frozen(kw_only=True)
class Trial:
    """An evaluated plan. ``index`` is its place in proposal order, ``error`` says why a failed or lost trial has no measurement.

    ``meets`` is the evaluation's own verdict on the criterion where it made one (a sequential test); None leaves it to the accuracy.
    """

    index: int
    plan: QuantizationPlan
    status: TrialStatus = TrialStatus.COMPLETE
    measurement: Measurement | None = None
    error: str | None = None
    meets: bool | None = None

    @property
    def accuracy(self) -> float | None:
        """The accuracy of a complete trial; None when censored, failed or not measured."""
        return self.measurement.accuracy if self.status is TrialStatus.COMPLETE and self.measurement else None

    @property
    def in_float(self) -> bool:
        """Whether its model is the original in other words: good to compare with, never a result."""
        return self.measurement is not None and self.measurement.in_float

    @property
    def estimate(self) -> float | None:
        """The accuracy on the samples seen, censored or not: good enough to rank operators, never to accept a model."""
        return self.measurement.accuracy if self.measurement else None


@attrs.frozen(kw_only=True)
class ProbeResult:
    """Scores of one probe by operator (higher hurts more), empty with an ``error`` when it failed or was lost; ``seconds`` it took."""

    index: int
    kind: str
    plan: QuantizationPlan
    ops: tuple[OpId, ...] = ()
    batches: int = 2
    budget_s: float = 0.0
    scores: FrozenMap[OpId, float] = attrs.field(factory=FrozenMap)
    status: TrialStatus = TrialStatus.COMPLETE
    seconds: float = attrs.field(default=0.0, converter=float, validator=_finite)
    error: str | None = None

    @classmethod
    def of(
        cls,
        index: int,
        probe: Probe,
        *,
        scores: Mapping[OpId, float] | None = None,
        status: TrialStatus = TrialStatus.COMPLETE,
        seconds: float = 0.0,
        error: str | None = None,
    ) -> ProbeResult:
        """The result of ``probe``, which was proposal ``index``."""
        asked = {field.name: getattr(probe, field.name) for field in attrs.fields(Probe)}
        return cls(index=index, scores=FrozenMap(scores or {}), status=status, seconds=seconds, error=error, **asked)

    @property
    def probe(self) -> Probe:
        """What was asked."""
        return Probe(**{field.name: getattr(self, field.name) for field in attrs.fields(Probe)})


@attrs.frozen(kw_only=True)
class Pending:
    """A proposal that has not finished."""

    index: int
    action: Evaluate | Probe


Item = Trial | ProbeResult | Pending


def lowered(plan: QuantizationPlan) -> tuple[OpId, ...]:
    """Operators that are not in plain fp32, in plan order."""
    return tuple(op for op, option in plan.ops.items() if option != FLOAT)
