"""What a strategy can ask for next."""

from __future__ import annotations

import attrs
from inc_config.plan import OpId, QuantizationPlan


@attrs.frozen
class Evaluate:
    """Quantize the model by ``plan`` and measure it: one trial."""

    plan: QuantizationPlan


@attrs.frozen
class Probe:
    """Score ``ops`` without a trial.

    ``kind`` names the score (``"mse"``, ``"latency"``), ``plan`` is the quantized model it is taken on.
    """

    kind: str
    plan: QuantizationPlan
    ops: tuple[OpId, ...]


@attrs.frozen
class Wait:
    """Nothing to do until a pending item has finished."""


@attrs.frozen
class Stop:
    """The search is over; ``reason`` is one sentence for people."""

    reason: str


Action = Evaluate | Probe | Wait | Stop
