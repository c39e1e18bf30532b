"""What quantization would do to a model, operator by operator, before any data is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import attrs
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Places
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.dtypes import BF16, FP16, FloatType
from inc_config.errors import PlanError
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan
from inc_config.quantization import MixedPrecisionConfig, QuantizeConfig
from inc_config.target import Target

from inc_orchestrate.candidates import capabilities_under
from inc_orchestrate.precisions import floats_only, is_undecided
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

    @property
    def quantized_share(self) -> float | None:
        """Share of the model's multiply-adds that would run in less than fp32, 0 to 1; None where no operator's work is known."""
        total = sum(row.work for row in self.operators)
        done = sum(row.work for row in self.operators if row.precision != FloatType.FP32.value)
        return done / total if total else None

    @property
    def is_in_float(self) -> bool:
        """Whether every operator would stay in fp32."""
        return set(self.by_precision) <= {FloatType.FP32.value}

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {precision}" for precision, count in self.by_precision.items())
        sizes = f"{megabytes(self.size_before_bytes)} -> {megabytes(self.size_after_bytes)}"
        share = "" if self.quantized_share is None else f"   {self.quantized_share:.1%} of the work quantized"
        head = f"{len(self.operators)} operators: {counts}   target: {self.target}   {sizes}{share}"
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
        PlanError: nothing would be quantized, with a reason per operator; what the user excluded is no error but a report.
        MissingRoleError: its adaptor cannot tell.
    """
    adaptor = adaptor_for(model)
    handle = adaptor.open(model)
    asked = floats_only(config) if isinstance(config, MixedPrecisionConfig) else config or QuantizeConfig()
    handle = rewritten(adaptor, handle, asked)
    capabilities = capabilities_under(adaptor, handle, asked if target is None else attrs.evolve(asked, target=target), batches=batches)
    best = capabilities.plan()
    size = adaptor.size_bytes(handle)
    report = PlanReport(
        framework=adaptor.name,
        target=str(capabilities.target),
        operators=operator_rows(capabilities, best, idle_in(adaptor, handle, best)),
        size_before_bytes=size,
        size_after_bytes=max(0, size - saved_bytes(capabilities, best)),
    )
    if isinstance(config, MixedPrecisionConfig) or is_undecided(capabilities) or _is_excluded(capabilities) or not report.is_in_float:
        return report
    raise nothing_planned(report)


def nothing_planned(report: PlanReport) -> PlanError:
    """The error for a plan that leaves every operator in float."""
    reasons = "\n".join(f"    {row.op} ({row.type}): {row.reason or 'no integer option'}" for row in report.operators)
    return PlanError(
        f"Nothing would be quantized for the target {report.target}:\n{reasons or '    it has no operators'}",
        where="the plan",
        fix=_way_out({row.reason.partition(":")[0] for row in report.operators}),
    )


def _way_out(codes: Collection[str]) -> str:
    if ReasonCode.ALREADY_QUANTIZED.value in codes:
        return "give the model that this one was made from"
    if ReasonCode.EXCLUDED_BY_USER.value in codes:
        return "exclude less"
    return "leave the model in float, where it is fastest, or plan for another approach or target"


def _is_excluded(capabilities: Capabilities) -> bool:
    return any(op.reason is not None and op.reason.code is ReasonCode.EXCLUDED_BY_USER for op in capabilities.ops)


def difference(report: PlanReport, integers: Collection[str]) -> tuple[tuple[OperatorSummary, str], ...]:
    """Operators that compute otherwise in a quantized model than planned, with what they are there.

    ``integers`` are the scopes that compute on integers in it.
    """
    found = ((row, "int8" if row.op in integers else "fp32") for row in report.operators)
    return tuple((row, there) for row, there in found if (row.precision in _FLOATS) != (there == "fp32"))


def idle_in(adaptor: Adaptor, handle: ModelHandle, chosen: QuantizationPlan) -> Mapping[OpId, Reason]:
    """What a plan has in integers and the model made of it will have in float, where the adaptor can tell."""
    return adaptor.idle(handle, chosen) if isinstance(adaptor, Places) else {}


def operator_rows(
    capabilities: Capabilities, chosen: QuantizationPlan, idle: Mapping[OpId, Reason] | None = None
) -> tuple[OperatorSummary, ...]:
    """Every operator with its precision, and the reason where it stays in float; ``idle`` ones do whatever the plan says."""
    found = idle or {}
    return tuple(_row(capability, chosen.ops[capability.op], found.get(capability.op)) for capability in capabilities.ops)


def _row(capability: OpCapability, planned: OpPlan, idle: Reason | None) -> OperatorSummary:
    decided = planned if idle is None else FLOAT
    fallback = Reason(ReasonCode.FALLBACK, "in float so that the accuracy criterion holds")
    reason = idle or (fallback if capability.is_lowerable else capability.reason)
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
