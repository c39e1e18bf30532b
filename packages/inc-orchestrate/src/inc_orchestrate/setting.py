"""What an applied step works with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.roles import Adaptor
from inc_config.quantization import TunedPrecision
from inc_config.tuning import AccuracyCriterion

from inc_orchestrate.data import CalibrationData
from inc_orchestrate.progress import Progress
from inc_orchestrate.scoring import AnyEvaluator, Score
from inc_orchestrate.workers import Workers


@attrs.frozen(kw_only=True, eq=False)
class Setting:
    """What an applied step works with.

    ``baseline`` is the score that the criterion compares with; ``workspace`` makes the search resumable where the configuration
    names no ledger folder; ``example`` is one batch of inputs (None: there is none); ``workers`` run trials elsewhere (None: here).
    """

    adaptor: Adaptor
    evaluator: AnyEvaluator
    baseline: Score
    calibration: CalibrationData | None
    example: Any
    workspace: Path | None
    progress: Progress
    workers: Workers | None = None


def criterion_of(config: TunedPrecision, evaluator: AnyEvaluator) -> AccuracyCriterion:
    """The configuration's criterion with the metric's own direction, where it has one."""
    direction = evaluator.higher_is_better
    return config.criterion if direction is None else attrs.evolve(config.criterion, higher_is_better=direction)
