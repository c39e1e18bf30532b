"""Integer weights and biases: each quantized at the first plan that needs it, shared by all later ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_config.dtypes import PerChannel, PerTensor
from inc_config.errors import CalibrationError
from inc_config.plan import TensorPlan
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from inc_adaptors.onnxrt.emission.containers import codes_tensor
from inc_adaptors.onnxrt.emission.given import bias_floor, explicit_qparams, is_explicit
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.parts import Part, dequantize_node, scale_and_zero_point
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.qparams import QParams, quantize, weight_qparams

Scale = NDArray[np.float32]


class Weights:
    """The weight half of the skeleton."""

    def __init__(self, graph: Graph, names: Names) -> None:
        self._graph = graph
        self._names = names
        self._qparams: dict[Any, QParams] = {}
        self._codes: dict[Any, TensorProto] = {}
        self._made: dict[Any, Part] = {}

    def weight(self, operator: Operator, plan: TensorPlan, input_scale: Scale | None, *, packed: bool = False) -> Part:
        """An operator's weight as codes with its DQ; with ``input_scale`` the scales leave room for the int32 bias.

        ``packed`` stores codes of up to 4 bits two to a byte.

        Raises:
            CalibrationError: the weight is not finite.
            PlanError: the plan gives scales that are none.
        """
        qparams = self.qparams(operator, plan, input_scale)
        purpose = (plan, qparams.scale.tobytes(), packed)
        key = (operator.op, purpose)
        if key not in self._made:
            name = operator.weight or ""
            scale, zero_point = scale_and_zero_point(self._names, name, qparams, plan.dtype, purpose, packed=packed)
            codes = self.codes(operator, plan, qparams, transposed=False, packed=packed)
            result, label = (self._names.of(f"{name}_{suffix}", key) for suffix in ("dequantized", "dequantize"))
            node = dequantize_node([codes.name, scale.name, zero_point.name], result, label, plan.granularity)
            self._made[key] = Part(nodes=(node,), initializers=(codes, scale, zero_point), output=result, qparams=qparams)
        return self._made[key]

    def qparams(self, operator: Operator, plan: TensorPlan, input_scale: Scale | None) -> QParams:
        """Scales of an operator's weight."""
        key = (operator.op, plan, None if input_scale is None else input_scale.tobytes())
        if key not in self._qparams:
            bias = None if operator.bias is None else self._values(operator.bias).reshape(-1)
            self._qparams[key] = self._found(operator.weight or "", plan, bias, input_scale)
        return self._qparams[key]

    def _found(self, name: str, plan: TensorPlan, bias: Scale | None, input_scale: Scale | None) -> QParams:
        values = self._values(name)
        if not is_explicit(plan):
            return weight_qparams(values, plan, bias=bias, input_scale=input_scale, where=name)
        if not np.isfinite(values).all():
            raise CalibrationError("The weight holds NaN or infinity.", where=name, fix="repair it, or leave its operator in float")
        floor = 0.0 if bias is None or input_scale is None else bias_floor(bias, input_scale, plan)
        return explicit_qparams(plan, values, floor=floor, where=name)

    def codes(self, operator: Operator, plan: TensorPlan, qparams: QParams, *, transposed: bool, packed: bool = False) -> TensorProto:
        """The integer initializer of a weight; operators that share a weight and its scales share it."""
        key = (operator.weight, plan, qparams.scale.tobytes(), transposed, packed)
        if key not in self._codes:
            found = quantize(self._values(operator.weight or ""), qparams, plan.dtype, plan.granularity)
            name = self._names.of(f"{operator.weight}_codes", key)
            self._codes[key] = codes_tensor(found.T if transposed else found, name, plan.dtype, packed=packed)
        return self._codes[key]

    def scale(self, operator: Operator, plan: TensorPlan, qparams: QParams) -> TensorProto:
        """A weight's scales alone, as an initializer."""
        return scale_and_zero_point(self._names, operator.weight or "", qparams, plan.dtype, (plan, qparams.scale.tobytes()))[0]

    def bias(self, operator: Operator, input_scale: Scale, weight: QParams) -> Part:
        """An operator's bias as int32 with scale ``input_scale * weight scale`` and its DQ."""
        scales = np.asarray(input_scale * weight.scale, np.float32)
        key = (operator.op, scales.tobytes())
        if key not in self._made:
            limits = np.iinfo(np.int32)
            exact = self._values(operator.bias or "").astype(np.float64).reshape(-1) / scales
            codes = np.clip(np.rint(exact), limits.min, limits.max).astype(np.int32)
            made = numpy_helper.from_array(codes, self._names.of(f"{operator.bias}_codes", key))
            scale = numpy_helper.from_array(scales, self._names.of(f"{operator.bias}_scale", key))
            result, label = (self._names.of(f"{operator.bias}_{suffix}", key) for suffix in ("dequantized", "dequantize"))
            node = dequantize_node([made.name, scale.name], result, label, PerChannel(0) if scales.ndim else PerTensor())
            self._made[key] = Part(nodes=(node,), initializers=(made, scale), output=result, qparams=weight)
        return self._made[key]

    def _values(self, name: str) -> Scale:
        return np.asarray(self._graph.constant(name), np.float32)
