"""Plans become integer operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np
from inc_adaptors.handle import ModelHandle
from inc_adaptors.qparams import QParams, activation_qparams, affine_qparams, quantize, weight_qparams
from inc_adaptors.roles import FloatRun
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.thresholds import statistic_for
from inc_config.dtypes import FP16
from inc_config.errors import CalibrationError, PlanError
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan, RangeSource, TensorKey, TensorPlan
from numpy.typing import NDArray
from toy_graph import PER_COLUMN, HalfLinear, IntegerLinear, Linear, Operator, ToyModel


def range_of_batch(values: NDArray[np.float32], plan: TensorPlan) -> QParams:
    return affine_qparams(values.min(), values.max(), dtype=plan.dtype, scheme=plan.scheme)


class ToyEmitter:
    """Holds the float model and the statistics; every ``emit`` starts from them."""

    def __init__(self, handle: ModelHandle, statistics: Statistics, fingerprint: str) -> None:
        if statistics.model_fingerprint not in ("", fingerprint):
            raise CalibrationError("The statistics belong to another model.", where="statistics", fix="calibrate again")
        self._handle = handle
        self._statistics = statistics

    def emit(self, plan: QuantizationPlan, *, final: bool = False) -> ModelHandle:
        model: ToyModel = self._handle.native
        for op, op_plan in plan.ops.items():
            if op.scope not in model.operators or (op_plan != FLOAT and not isinstance(model.operators[op.scope], Linear)):
                raise PlanError(f"The model cannot do {op_plan.precision} at {op}.", where=str(op), fix="make the plan from capabilities")
        by_scope = {op.scope: (op, op_plan) for op, op_plan in plan.ops.items() if op_plan.is_quantized}
        halves = {op.scope for op, op_plan in plan.ops.items() if op_plan.compute_dtype is FP16}
        operators: dict[str, Operator] = {
            name: self._integer(*by_scope[name], operator) if name in by_scope else _half(operator) if name in halves else operator
            for name, operator in model.copy().operators.items()
        }
        state = attrs.evolve(self._handle.state, plan=plan)
        return attrs.evolve(self._handle, native=ToyModel(operators), state=state)

    def isolation(self, plan: QuantizationPlan, ops: Iterable[OpId]) -> ToyIsolation:
        return ToyIsolation(self, self._handle, plan, tuple(ops))

    def _integer(self, op: OpId, plan: OpPlan, linear: Any) -> IntegerLinear:
        activation, weight = plan.inputs[0], plan.weight
        if activation is None or weight is None:
            raise PlanError("An integer Linear needs plans for its input and weight.", where=str(op), fix="plan both")
        found = None
        if activation.ranges is RangeSource.STATIC:
            key = TensorKey(op, "input:0")
            found = activation_qparams(activation, statistic_for(self._statistics, key, activation), str(key))
        bias = linear.bias.value
        scales = weight_qparams(linear.weight.value, weight, bias=bias, input_scale=None if found is None else found.scale, where=str(op))
        codes = quantize(linear.weight.value, scales, weight.dtype, PER_COLUMN)
        return IntegerLinear(codes, scales, bias, activation, found, range_of_batch)


class ToyIsolation:
    """Whole models, which cost next to nothing here."""

    def __init__(self, emitter: ToyEmitter, handle: ModelHandle, plan: QuantizationPlan, ops: tuple[OpId, ...]) -> None:
        self.ops = ops
        self._emitter, self._handle, self._plan = emitter, handle, plan

    def floats(self, inputs: Any, ops: Iterable[OpId]) -> FloatRun:
        return FloatRun(feed={"x": inputs}, outputs=(self._handle.native(inputs).value,))

    def alone(self, op: OpId) -> Callable[[FloatRun], tuple[NDArray[Any], ...]]:
        model = self._emitter.emit(self._plan.with_float(set(self._plan.quantized) - {op})).native
        return lambda run: (model(run.feed["x"]).value,)

    def close(self) -> None:
        pass


def _half(linear: Any) -> HalfLinear:
    return HalfLinear(linear.weight.value.astype(np.float16), linear.bias.value.astype(np.float16))
