"""How much each quantized operator hurts when it alone computes on integers: the bars of the report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Describes, Observes, Quantizes, require
from inc_config.plan import OpId, QuantizationPlan
from numpy.typing import NDArray

from inc_orchestrate.data import first_batches
from inc_orchestrate.progress import Progress
from inc_orchestrate.report import Sensitivity

MEASURE = (
    "Noise in the outputs when this operator alone computes on integers, as a share of the signal (longer hurts more). "
    "An SQNR of 20 dB is 1 % noise, 40 dB is 0.01 %."
)
SAMPLES = 8
"""Enough to rank operators by the noise they make."""
_SHOWN = 20
_STEP = "sensitivity"


def sensitivities(model: Any, plan: QuantizationPlan, data: Any, progress: Progress, *, budget_s: float = 20.0) -> tuple[Sensitivity, ...]:
    """Rank the operators of ``plan``, worst first; those that make no noise alone are left out.

    Args:
        model: the original, as the adaptor opens it.
        plan: the plan that was delivered.
        data: batches, of which the first ``SAMPLES`` samples are read.
        progress: shows a bar, and notes when the time was not enough for all operators.
        budget_s: operators that do not fit into this time are left out, those with the least work first.
    """
    adaptor = adaptor_for(model)
    handle = adaptor.open(model)
    batches = first_batches(data, handle.signature, SAMPLES)
    make = _emission(adaptor, handle, plan, batches)
    reference = _outputs(adaptor, handle, batches)
    began = time.monotonic()
    found = []
    todo = _by_work(adaptor, handle, plan, batches)
    with progress.bar("sensitivity", len(todo)) as advance:
        for place, op in enumerate(todo):
            if time.monotonic() - began > budget_s:
                progress.note(f"sensitivity was measured for {place} of {len(todo)} operators: {budget_s:g} s were used up")
                break
            alone = plan.with_float(other for other in plan.quantized if other != op)
            found.append(_sensitivity(op, reference, _outputs(adaptor, make(alone), batches)))
            advance(place + 1, None)
    noisy = (each for each in found if each.value > 0.0)
    return tuple(sorted(noisy, key=lambda each: -each.value)[:_SHOWN])


def _emission(
    adaptor: Adaptor, handle: ModelHandle, plan: QuantizationPlan, batches: tuple[Any, ...]
) -> Callable[[QuantizationPlan], ModelHandle]:
    capabilities = require(adaptor, Describes, step=_STEP).capabilities(handle, plan.target, batches=batches)
    quantizes = require(adaptor, Quantizes, step=_STEP)
    statistics = require(adaptor, Observes, step=_STEP).observe(handle, batches, quantizes.wanted(capabilities, (plan,)))
    return quantizes.emitter(handle, statistics, capabilities).emit


def _by_work(adaptor: Adaptor, handle: ModelHandle, plan: QuantizationPlan, batches: tuple[Any, ...]) -> list[OpId]:
    capabilities = require(adaptor, Describes, step=_STEP).capabilities(handle, plan.target, batches=batches)
    work = {each.op: (each.work, each.weight_bytes) for each in capabilities.ops}
    return sorted(plan.quantized, key=lambda op: work[op], reverse=True)


def _outputs(adaptor: Adaptor, handle: ModelHandle, batches: tuple[Any, ...]) -> list[NDArray[np.float64]]:
    predict = adaptor.predictor(handle)
    return [np.asarray(output, dtype=np.float64) for batch in batches for output in predict(batch)]


def _sensitivity(op: OpId, reference: list[NDArray[np.float64]], outputs: list[NDArray[np.float64]]) -> Sensitivity:
    noise = sum(float(np.square(made - wanted).sum()) for made, wanted in zip(outputs, reference, strict=True))
    signal = sum(float(np.square(wanted).sum()) for wanted in reference)
    share = noise / signal if signal > 0.0 else 0.0
    return Sensitivity(op=str(op), value=share, text=f"{-10.0 * math.log10(share):.1f} dB" if share > 0.0 else "none")
