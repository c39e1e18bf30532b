"""Which statistics plans need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from inc_config.plan import OpId, OpPlan, QuantizationPlan, RangeSource, TensorKey, TensorPlan

from inc_adaptors.onnxrt.emission.correction import RECIPE as BIAS_CORRECTION
from inc_adaptors.onnxrt.emission.correction import means_spec
from inc_adaptors.onnxrt.emission.finishing import check_format
from inc_adaptors.onnxrt.emission.given import is_explicit
from inc_adaptors.onnxrt.emission.outliers import is_evened
from inc_adaptors.onnxrt.emission.smoothing import CHANNELS, check_threshold, settings_of, smoothable
from inc_adaptors.onnxrt.kinds import Kind, kind_of
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.thresholds import spec_for


def wanted_statistics(plans: Iterable[QuantizationPlan]) -> Mapping[TensorKey, frozenset[StatisticSpec]]:
    """Every static tensor of the plans with the statistics any of them asks for; operators that pass codes on need none of their own.

    Raises:
        PlanError: a recipe asks for what is not offered.
    """
    found: dict[TensorKey, set[StatisticSpec]] = {}
    for plan in plans:
        check_format(plan)
        smoothed, evened = settings_of(plan), is_evened(plan)
        corrected = bool(plan.recipes.get(BIAS_CORRECTION))
        for op, op_plan in plan.ops.items():
            for role, tensor in _static_tensors(op, op_plan):
                found.setdefault(TensorKey(op, role), set()).add(spec_for(tensor))
                if role == "input:0" and (
                    smoothable(op, op_plan) if evened else smoothed is not None and smoothable(op, op_plan, smoothed.op_types)
                ):
                    found[TensorKey(op, role)].add(CHANNELS)
                if role == "input:0" and smoothed is not None and smoothable(op, op_plan, smoothed.op_types):
                    check_threshold(op, tensor)
                if corrected and role == "input:0" and op_plan.weight is not None and kind_of(op.type) is Kind.WEIGHTED:
                    found[TensorKey(op, role)].add(means_spec(op))
    return {key: frozenset(specs) for key, specs in found.items()}


def _static_tensors(op: OpId, plan: OpPlan) -> Iterator[tuple[str, TensorPlan]]:
    if not plan.is_quantized or kind_of(op.type) in (Kind.PASSING, Kind.READING):
        return
    for role, tensors in (("input", plan.inputs), ("output", plan.outputs)):
        for index, tensor in enumerate(tensors):
            if tensor is not None and tensor.ranges is RangeSource.STATIC and not is_explicit(tensor):
                yield f"{role}:{index}", tensor
