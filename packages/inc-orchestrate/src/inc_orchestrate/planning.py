"""What quantization would do to a model, operator by operator, before any data is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import attrs
from inc_adaptors.detect import adaptor_for
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.dtypes import BF16, FP16, FloatType
from inc_config.plan import FLOAT, OpPlan, QuantizationPlan
from inc_config.quantization import MixedPrecisionConfig, QuantizeConfig
from inc_config.target import Target

from inc_orchestrate.candidates import capabilities_under
from inc_orchestrate.precisions import floats_only
from inc_orchestrate.recipes import rewritten
from inc_orchestrate.summary import OperatorSummary, count_by_precision
from inc_orchestrate.tables import megabytes, operator_table, to_text

_BITS_OF_FLOAT = 32
_FLOATS = frozenset(str(dtype) for dtype in FloatType)


@attrs.frozen(kw_only=True)
class PlanReport:
    """Decisions and sizes: ``size_after_bytes`` is estimated from the weights that would be stored in fewer bits."""

    framework: str
    target: str
    operators: tuple[OperatorSummary, ...]
    size_before_bytes: int
    size_after_bytes: int

    @property
    def by_precision(self) -> dict[str, int]:
        """How many operators would compute in each precision."""
        return count_by_precision(self.operators)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {precision}" for precision, count in self.by_precision.items())
        sizes = f"{megabytes(self.size_before_bytes)} -> {megabytes(self.size_after_bytes)}"
        head = f"{len(self.operators)} operators: {counts}   target: {self.target}   {sizes}"
        return f"{head}\n{to_text(operator_table(self.operators))}"


def plan(
    model: Any,
    target: Target | None = None,
    *,
    config: QuantizeConfig | MixedPrecisionConfig | None = None,
    batches: Iterable[Any] = (),
) -> PlanReport:
    """Decide for every operator without calibrating.

    Args:
        model: a native model or a path.
        target: where it will run; this machine by default.
        config: what is asked; the default quantization otherwise.
        batches: a few batches of inputs, for frameworks that must run a model to know its operators (torch).

    Raises:
        ModelError: unknown or unfit model.
        MissingRoleError: its adaptor cannot tell.
    """
    adaptor = adaptor_for(model)
    handle = adaptor.open(model)
    asked = floats_only(config) if isinstance(config, MixedPrecisionConfig) else config or QuantizeConfig()
    handle = rewritten(adaptor, handle, asked)
    capabilities = capabilities_under(adaptor, handle, asked if target is None else attrs.evolve(asked, target=target), batches=batches)
    best = capabilities.plan()
    size = adaptor.size_bytes(handle)
    return PlanReport(
        framework=adaptor.name,
        target=str(capabilities.target),
        operators=operator_rows(capabilities, best),
        size_before_bytes=size,
        size_after_bytes=max(0, size - saved_bytes(capabilities, best)),
    )


def difference(report: PlanReport, integers: Collection[str]) -> tuple[tuple[OperatorSummary, str], ...]:
    """Operators that compute otherwise in a quantized model than planned, with what they are there.

    ``integers`` are the scopes that compute on integers in it.
    """
    found = ((row, "int8" if row.op in integers else "fp32") for row in report.operators)
    return tuple((row, there) for row, there in found if (row.precision in _FLOATS) != (there == "fp32"))


def operator_rows(capabilities: Capabilities, chosen: QuantizationPlan) -> tuple[OperatorSummary, ...]:
    """Every operator with its precision, and the reason where it stays in float."""
    return tuple(_row(capability, chosen.ops[capability.op]) for capability in capabilities.ops)


def _row(capability: OpCapability, decided: OpPlan) -> OperatorSummary:
    fallback = Reason(ReasonCode.FALLBACK, "in float so that the accuracy criterion holds")
    reason = fallback if capability.is_lowerable else capability.reason
    return OperatorSummary(
        op=str(capability.op),
        type=capability.op.type,
        precision=decided.precision,
        reason="" if decided != FLOAT or reason is None else str(reason),
        weight_bytes=capability.weight_bytes,
        work=capability.work,
    )


def saved_bytes(capabilities: Capabilities, chosen: QuantizationPlan) -> int:
    """Bytes that storing weights by the plan would save."""
    saved = 0.0
    for capability in capabilities.ops:
        option = chosen.ops[capability.op]
        weight = option.weight
        if option.compute_dtype in (BF16, FP16):
            saved += capability.weight_bytes / 2
        elif weight is not None:
            saved += capability.weight_bytes * (1.0 - weight.dtype.bits / _BITS_OF_FLOAT)
    return int(saved)
