"""What is to be quantized, and what came of it: data that the steps of the command hand on."""

from __future__ import annotations

from pathlib import Path

import attrs
from inc_config.quantization import QuantizeConfig
from inc_data import Recipe
from inc_metrics import Metric

from inc_orchestrate.cli.confirmation import Confirmation
from inc_orchestrate.cli.parts import Parts
from inc_orchestrate.report import Sensitivity
from inc_orchestrate.result import FitResult
from inc_orchestrate.summary import Summary


@attrs.frozen(kw_only=True, eq=False)
class Job:
    """One quantization.

    ``metric`` None judges without labels; ``criterion``, ``data`` and ``notes`` are words for people; ``output`` is a folder that is
    already claimed; ``command_line`` is what was typed; ``workers`` processes judge models, None is this one.
    """

    model: Path
    config: QuantizeConfig
    parts: Parts
    metric: Metric | None
    criterion: str
    data: str
    recipe: Recipe | None
    output: Path
    command_line: str
    notes: tuple[str, ...] = ()
    workers: int | None = None


@attrs.frozen(kw_only=True, eq=False)
class Finished:
    """Everything that was found, and the command that is useful next."""

    result: FitResult
    confirmation: Confirmation
    sensitivities: tuple[Sensitivity, ...]
    next_command: str

    @property
    def summary(self) -> Summary:
        """Everything the tables show."""
        return self.result.summary
