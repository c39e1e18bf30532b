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

    ``kind`` names the score, higher hurts more, and ``plan`` is the quantized model it is taken on:

    - ``"mse"``: noise power over signal power of the model's outputs when the operator alone is quantized;
    - ``"output_mse"``: how much of that noise goes away when the operator alone goes back to float in ``plan``;
    - ``"latency"``: seconds per batch that go away then (negative: the operator is faster in integers).

    ``batches`` of data are read, or, where operators need no models of their own for ``"mse"``, other samples for each operator. After
    ``budget_s`` seconds (0: no limit) the remaining operators get no score.
    """

    kind: str
    plan: QuantizationPlan
    ops: tuple[OpId, ...]
    batches: int = 2
    budget_s: float = 0.0


@attrs.frozen
class Wait:
    """Nothing to do until a pending item has finished."""


@attrs.frozen
class Stop:
    """The search is over; ``reason`` is one sentence for people."""

    reason: str


Action = Evaluate | Probe | Wait | Stop
