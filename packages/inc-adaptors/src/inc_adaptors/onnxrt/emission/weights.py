"""Integer weights and biases: each quantized at the first plan that needs it, shared by all later ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_config.dtypes import PerChannel, PerTensor
from inc_config.errors import CalibrationError
from inc_config.plan import OpId, TensorPlan
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from inc_adaptors.onnxrt.emission.containers import codes_tensor
from inc_adaptors.onnxrt.emission.given import bias_floor, explicit_qparams, is_explicit
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.neighbours import PAIRS, ranged_alone, sums_of_rows, widened
from inc_adaptors.onnxrt.emission.parts import Part, dequantize_node, scale_and_zero_point
from inc_adaptors.onnxrt.emission.spread import with_spread
from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.qparams import QParams, quantize, weight_qparams

Scale = NDArray[np.float32]


class Weights:
    """The weight half of the skeleton.

    ``keeps_spread`` reads codes with scales that give every channel the standard deviation it had before rounding. ``widened`` are
    operators whose scales grew for the threshold ``pairs``.
    """

    def __init__(self, graph: Graph, names: Names, *, keeps_spread: bool = False) -> None:
        self._graph = graph
        self._names = names
        self._keeps_spread = keeps_spread
        self.widened: set[OpId] = set()
        self._bases: dict[Any, QParams] = {}  # by what the codes are read with: what they were made with
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
            base = self._found(operator, plan, bias, input_scale)
            read = with_spread(self._values(operator.weight or ""), base, plan, bias, input_scale) if self._keeps_spread else base
            self._bases[operator.weight, plan, read.scale.tobytes()] = base
            self._qparams[key] = read
        return self._qparams[key]

    def base(self, operator: Operator, plan: TensorPlan, qparams: QParams) -> QParams:
        """What the codes of a weight were made with, given what they are read with."""
        return self._bases.get((operator.weight, plan, qparams.scale.tobytes()), qparams)

    def _found(self, operator: Operator, plan: TensorPlan, bias: Scale | None, input_scale: Scale | None) -> QParams:
        name = operator.weight or ""
        values = self._values(name)
        if not is_explicit(plan):
            found = weight_qparams(values, ranged_alone(plan), bias=bias, input_scale=input_scale, where=name)
            return self._widened(operator, plan, found) if plan.threshold == PAIRS else found
        if not np.isfinite(values).all():
            raise CalibrationError("The weight holds NaN or infinity.", where=name, fix="repair it, or leave its operator in float")
        floor = 0.0 if bias is None or input_scale is None else bias_floor(bias, input_scale, plan)
        return explicit_qparams(plan, values, floor=floor, where=name)

    def _widened(self, operator: Operator, plan: TensorPlan, found: QParams) -> QParams:
        made = widened(found, plan, self._sums(operator))
        if (made.scale > found.scale).any():
            self.widened.add(operator.op)
        return made

    def _sums(self, operator: Operator) -> Scale:
        """See ``neighbours.sums_of_rows``; a depthwise convolution multiplies byte by byte, and makes no pairs."""
        values = self._values(operator.weight or "")
        if operator.op.type != "Conv":
            rows = values if operator.channel_axis == 0 else values.T
            return sums_of_rows(rows, rows.shape[1])
        out, inside = values.shape[:2]
        if inside == 1 and attribute(self._graph.nodes[operator.node], "group", 1) == out:
            return np.zeros(out, np.float32)
        return sums_of_rows(np.moveaxis(values, 1, -1).reshape(out, -1), inside)

    def codes(self, operator: Operator, plan: TensorPlan, qparams: QParams, *, transposed: bool, packed: bool = False) -> TensorProto:
        """The integer initializer of a weight; operators that share a weight and its scales share it."""
        key = (operator.weight, plan, qparams.scale.tobytes(), transposed, packed)
        if key not in self._codes:
            made_with = self.base(operator, plan, qparams)
            found = quantize(self._values(operator.weight or ""), made_with, plan.dtype, plan.granularity)
            name = self._names.of(f"{operator.weight}_codes", key)
            self._codes[key] = codes_tensor(found.T if transposed else found, name, plan.dtype, packed=packed)
        return self._codes[key]

    def loose(self, operator: Operator, plan: TensorPlan, qparams: QParams) -> tuple[TensorProto, TensorProto, TensorProto | None]:
        """Codes, scale and zero point (None for 0) as an operator with a dynamic activation takes them.

        A product's codes are (inside, outside), a convolution's scale broadcasts against its output.
        """
        is_conv = operator.op.type == "Conv"
        codes = self.codes(operator, plan, qparams, transposed=not is_conv and operator.channel_axis == 0)
        scales, zeros = qparams.scale, qparams.zero_point
        if is_conv and scales.ndim:
            scales = scales.reshape(-1, *(1,) * (len(codes.dims) - 2))
        if zeros.size and (zeros == zeros.flat[0]).all():
            zeros = zeros.reshape(-1)[0].reshape(())
        purpose = (plan, qparams.scale.tobytes(), "loose", is_conv)
        scale = numpy_helper.from_array(scales, self._names.of(f"{operator.weight}_scale", purpose))
        if not zeros.any():
            return codes, scale, None
        return codes, scale, codes_tensor(zeros, self._names.of(f"{operator.weight}_zero_point", purpose), plan.dtype)

    def beside_channels(self, operator: Operator) -> TensorProto:
        """A convolution's float bias, shaped (1, C, 1, ...)."""
        values = self._values(operator.bias or "").reshape(1, -1, *(1,) * (len(self._graph.initializers[operator.weight or ""].dims) - 2))
        return numpy_helper.from_array(values, self._names.of(f"{operator.bias}_beside_channels", operator.weight))

    def bias(self, operator: Operator, input_scale: Scale, weight: QParams, shift: NDArray[np.float64] | None = None) -> Part:
        """An operator's bias, plus ``shift``, as int32 with scale ``input_scale * weight scale`` and its DQ; without a bias the shift."""
        scales = np.asarray(input_scale * weight.scale, np.float32)
        key = (operator.op, scales.tobytes(), b"" if shift is None else shift.tobytes())
        if key not in self._made:
            limits = np.iinfo(np.int32)
            name = operator.bias or f"{operator.op.scope}/bias"
            real = np.zeros(()) if operator.bias is None else self._values(operator.bias).astype(np.float64).reshape(-1)
            exact = (real if shift is None else real + shift) / scales
            codes = np.clip(np.rint(exact), limits.min, limits.max).astype(np.int32)
            made = numpy_helper.from_array(codes, self._names.of(f"{name}_codes", key))
            scale = numpy_helper.from_array(scales, self._names.of(f"{name}_scale", key))
            result, label = (self._names.of(f"{name}_{suffix}", key) for suffix in ("dequantized", "dequantize"))
            node = dequantize_node([made.name, scale.name], result, label, PerChannel(0) if scales.ndim else PerTensor())
            self._made[key] = Part(nodes=(node,), initializers=(made, scale), output=result, qparams=weight)
        return self._made[key]

    def _values(self, name: str) -> Scale:
        return np.asarray(self._graph.constant(name), np.float32)
