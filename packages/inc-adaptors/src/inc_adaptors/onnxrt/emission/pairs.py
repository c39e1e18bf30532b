"""Q/DQ pairs around activations: each made at the first plan that needs it, shared by all later ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_config.dtypes import PerTensor
from inc_config.plan import TensorPlan
from onnx import helper

from inc_adaptors.onnxrt.emission.containers import codes_tensor
from inc_adaptors.onnxrt.emission.given import explicit_qparams, is_explicit
from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.parts import Part, dequantize_node, scale_and_zero_point
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.qparams import QParams, activation_qparams, quantize
from inc_adaptors.statistics.ranges import RangeStatistic
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.thresholds import statistic_for


class Pairs:
    """The activation half of the skeleton."""

    def __init__(self, graph: Graph, layout: Layout, statistics: Statistics, names: Names) -> None:
        self._graph = graph
        self._layout = layout
        self._statistics = statistics
        self._names = names
        self._qparams: dict[tuple[str, TensorPlan], QParams] = {}
        self._made: dict[tuple[Any, ...], Part] = {}

    def range_of(self, tensor: str, plan: TensorPlan) -> QParams:
        """Scale and zero point of an activation, or of a constant that takes an activation's place.

        Raises:
            CalibrationError: no fitting statistic was gathered.
            PlanError: the plan gives scales that are none.
        """
        key = (tensor, plan)
        if key not in self._qparams:
            constant = self._graph.constant(tensor)
            if is_explicit(plan):
                self._qparams[key] = explicit_qparams(plan, constant, where=tensor)
                return self._qparams[key]
            if constant is not None:
                statistic: Any = RangeStatistic()
                statistic.update(constant)
            else:
                names = self._layout.keys[tensor]
                statistic = statistic_for(self._statistics, next((k for k in names if k in self._statistics.values), names[0]), plan)
            self._qparams[key] = activation_qparams(plan, statistic, where=tensor)
        return self._qparams[key]

    def pair(self, tensor: str, plan: TensorPlan, *, root: str, source: str, result: str) -> Part:
        """Q and DQ with the range of ``root``: reads ``source`` (``tensor`` or its renamed writer) and makes ``result``."""
        key = (tensor, plan, root, source, result)
        if key not in self._made:
            qparams = self.range_of(root, plan)
            scale, zero_point = scale_and_zero_point(self._names, root, qparams, plan.dtype, plan)
            codes = self._names.of(f"{tensor}_codes", plan)
            label = self._names.of(f"{tensor}_quantize", plan)
            quantizer = helper.make_node("QuantizeLinear", [source, scale.name, zero_point.name], [codes], name=label)
            label = self._names.of(f"{tensor}_dequantize", plan)
            dequantizer = dequantize_node([codes, scale.name, zero_point.name], result, label, PerTensor())
            self._made[key] = Part(nodes=(quantizer, dequantizer), initializers=(scale, zero_point), output=result, qparams=qparams)
        return self._made[key]

    def constant(self, tensor: str, plan: TensorPlan, *, packed: bool = False) -> Part:
        """A constant operand as codes with its DQ."""
        key = (tensor, plan, "constant", packed)
        if key not in self._made:
            qparams = self.range_of(tensor, plan)
            scale, zero_point = scale_and_zero_point(self._names, tensor, qparams, plan.dtype, (plan, packed), packed=packed)
            values = np.asarray(self._graph.constant(tensor), np.float32)
            found = quantize(values, qparams, plan.dtype, plan.granularity)
            codes = codes_tensor(found, self._names.of(f"{tensor}_codes", (plan, packed)), plan.dtype, packed=packed)
            result = self._names.of(f"{tensor}_dequantized", (plan, packed))
            label = self._names.of(f"{tensor}_dequantize", (plan, packed))
            node = dequantize_node([codes.name, scale.name, zero_point.name], result, label, plan.granularity)
            self._made[key] = Part(nodes=(node,), initializers=(codes, scale, zero_point), output=result, qparams=qparams)
        return self._made[key]
