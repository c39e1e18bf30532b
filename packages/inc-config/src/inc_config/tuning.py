"""When a compressed model is good enough, what is optimized, and when to stop looking."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from inc_config.fields import Choice, FieldError, as_float, each, flag, number, some, strings, texts, whole, wholes
from inc_config.named import Named, as_named


class LossKind(Choice):
    """``RELATIVE``: allowed loss is a fraction of the baseline; ``ABSOLUTE``: it is in the metric's own unit."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"


class ObjectiveKind(Choice):
    """What to make best among the models that meet the criterion."""

    ACCURACY = "accuracy"
    LATENCY = "latency"
    SIZE = "size"
    MEMORY = "memory"


@attrs.frozen(kw_only=True)
class AccuracyCriterion:
    """How much accuracy may be lost against the baseline.

    A baseline of 0.76 with ``loss=0.01, kind="relative"`` allows 0.7524; ``kind="absolute"`` allows 0.75.
    """

    loss: float = attrs.field(default=0.01, converter=as_float, validator=number(minimum=0.0))
    kind: LossKind = attrs.field(default=LossKind.RELATIVE, converter=LossKind)
    higher_is_better: bool = attrs.field(default=True, validator=flag)

    def limit(self, baseline: float) -> float:
        """The worst value that still meets the criterion, in the metric's unit."""
        allowed = abs(baseline) * self.loss if self.kind is LossKind.RELATIVE else self.loss
        return baseline - allowed if self.higher_is_better else baseline + allowed

    def is_met(self, value: float, baseline: float) -> bool:
        """Whether ``value`` is no worse than the limit (NaN never is)."""
        limit = self.limit(baseline)
        return value >= limit if self.higher_is_better else value <= limit


@attrs.frozen(kw_only=True)
class Objective:
    """One quantity to improve and its weight among several.

    ``higher_is_better`` None takes the quantity's own direction: accuracy as the criterion says, and less of everything else.
    """

    kind: ObjectiveKind = attrs.field(default=ObjectiveKind.LATENCY, converter=ObjectiveKind)
    weight: float = attrs.field(default=1.0, converter=as_float, validator=number(above=0.0))
    higher_is_better: bool | None = attrs.field(default=None, validator=attrs.validators.optional(flag))


@attrs.frozen(kw_only=True)
class ExitPolicy:
    """When tuning stops: after the first model that meets the criterion, or the best within the budget.

    ``timeout_s`` 0 means no time limit.
    """

    max_trials: int = attrs.field(default=100, validator=whole(minimum=1))
    timeout_s: float = attrs.field(default=0.0, converter=as_float, validator=number(minimum=0.0))
    first_success: bool = attrs.field(default=True, validator=flag)


class Inspected(Choice):
    """Which tensors a diagnosis keeps."""

    ALL = "all"
    ACTIVATIONS = "activation"
    WEIGHTS = "weight"


@attrs.frozen(kw_only=True)
class DiagnosisConfig:
    """Keep tensors of the original and the tuned model for comparison.

    ``ops`` names operators (none: all), ``batches`` counts from 0; ``folder`` None keeps nothing on disk.
    """

    ops: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    batches: tuple[int, ...] = attrs.field(default=(0,), converter=wholes, validator=each(whole(minimum=0)))
    inspect: Inspected = attrs.field(default=Inspected.ALL, converter=Inspected)
    folder: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))


def _objectives(value: str | Iterable[Objective | str]) -> tuple[Objective, ...]:
    """Objectives, or names of what to improve with equal weights."""
    given = (value,) if isinstance(value, str) else tuple(value)
    made = tuple(Objective(kind=each) if isinstance(each, str) else each for each in given)
    if wrong := [each for each in made if not isinstance(each, Objective)]:
        raise FieldError(f"objectives cannot hold {wrong[0]!r:.100}.", field="objectives", fix="give objectives, or names such as latency")
    return made


_some = some("name at least one objective, such as latency")


@attrs.frozen(kw_only=True)
class TuningConfig:
    """How the search over plans is run.

    ``ledger`` is the folder that makes it resumable; ``calibration_samples`` are further sizes of the calibration data: all
    sizes are tried in rising order until one meets the criterion, each going on where the one before ended.
    """

    strategy: Named = attrs.field(default=Named("sensitivity_first"), converter=as_named)
    objectives: tuple[Objective, ...] = attrs.field(default=(Objective(),), converter=_objectives, validator=_some)
    exit_policy: ExitPolicy = attrs.field(factory=ExitPolicy)
    seed: int = attrs.field(default=0, validator=whole(minimum=0))
    ledger: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))
    calibration_samples: tuple[int, ...] = attrs.field(default=(), converter=wholes, validator=each(whole(minimum=1)))
    diagnosis: DiagnosisConfig | None = None
