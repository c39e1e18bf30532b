"""What quantization would do to a model, operator by operator, before any data is read."""

from __future__ import annotations

from typing import Any

import attrs
from inc_config.quantization import QuantizeConfig
from inc_config.target import Target

from inc_orchestrate.summary import OperatorSummary


@attrs.frozen(kw_only=True)
class PlanReport:
    """Decisions and sizes: ``size_after_bytes`` is estimated from the weights that would be stored in 8 bits."""

    framework: str
    target: str
    operators: tuple[OperatorSummary, ...]
    size_before_bytes: int
    size_after_bytes: int

    @property
    def by_precision(self) -> dict[str, int]:
        """How many operators would compute in each precision."""
        return {}


def plan(model: Any, target: Target | None = None, *, config: QuantizeConfig | None = None, batches: Any = ()) -> PlanReport:
    """Decide for every operator without calibrating.

    Args:
        model: a native model or a path.
        target: where it will run; this machine by default.
        config: what is asked; the default quantization otherwise.
        batches: a few batches of inputs, for frameworks that must run a model to know its operators (torch).
    """
