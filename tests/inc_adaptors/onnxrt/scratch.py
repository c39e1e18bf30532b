"""Emission from scratch, the plain way: every operator on codes is wrapped in Q/DQ of its own, nothing is shared, dropped or passed on.

Slow and bulky, but its values are those the plan means: a second pair with the same scale changes nothing, and neither does leaving an
operator that passes codes on in float.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from inc_adaptors.qparams import activation_qparams, quantize, weight_qparams
from inc_adaptors.statistics.ranges import RangeStatistic
from inc_config.capabilities import Capabilities
from inc_config.plan import OpPlan, QuantizationPlan
from onnx import ModelProto, NodeProto, helper, numpy_helper

WEIGHTED = {"Conv", "Gemm", "MatMul"}
PASSING = {"MaxPool", "Reshape", "Flatten", "Transpose"}


class Scratch:
    """One emission; ``ranges`` holds (minimum, maximum) by tensor name of the float model."""

    def __init__(
        self, model: ModelProto, capabilities: Capabilities, plan: QuantizationPlan, ranges: Mapping[str, tuple[float, float]]
    ) -> None:
        self.model = ModelProto()
        self.model.CopyFrom(model)
        self.nodes = {node.name: node for node in self.model.graph.node}
        self.constants = {t.name: numpy_helper.to_array(t) for t in self.model.graph.initializer}
        self.ranges = ranges
        self.members = {c.op.scope: [m for m in c.members if m in self.nodes] for c in capabilities.ops}
        self.outputs = {name: self.nodes[members[-1]].output[0] for name, members in self.members.items() if members}
        self.inputs = {name: list(node.input) for name, node in self.nodes.items()}
        self.plans = {op.scope: p for op, p in plan.ops.items() if p.is_quantized}
        self.added: list[NodeProto] = []
        self.count = 0

    def run(self) -> ModelProto:
        chosen = [name for name in self.members if name in self.plans and self._is_active(name)]
        written = {name for name in chosen if self._writes_codes(name)}
        for name in chosen:
            if self.nodes[name].op_type not in PASSING:
                self._wrap(self.nodes[name], self.plans[name], self._output(name) if name in written else None)
        ordered = _sorted([*self.nodes.values(), *self.added], {v.name for v in self.model.graph.input} | set(self.constants))
        del self.model.graph.node[:]
        self.model.graph.node.extend(ordered)
        return self.model

    def _output(self, name: str) -> str:
        return self.outputs[name]

    def _maker(self, tensor: str) -> str | None:
        return next((name for name, output in self.outputs.items() if output == tensor), None)

    def _is_coded(self, tensor: str) -> bool:
        maker = self._maker(tensor)
        return maker in self.plans and self._is_active(maker) and self._writes_codes(maker)

    def _is_active(self, name: str) -> bool:
        node = self.nodes[name]
        return node.op_type in WEIGHTED or any(self._is_coded(x) for x in self.inputs[name] if x not in self.constants)

    def _writes_codes(self, name: str) -> bool:
        return self.nodes[name].op_type in {"Conv"} or self.nodes[name].op_type not in WEIGHTED or self._is_read(self._output(name))

    def _is_read(self, tensor: str) -> bool:
        readers = [name for name, inputs in self.inputs.items() if tensor in inputs and name in self.plans]
        return any(self.nodes[r].op_type not in PASSING or self._is_read(self._output(r)) for r in readers)

    def _wrap(self, node: NodeProto, plan: OpPlan, output: str | None) -> None:
        scales = []
        for position, tensor_plan in enumerate(plan.inputs):
            statistic = self._statistic(node.input[position])
            node.input[position] = self._pair(node.input[position], self._name(), activation_qparams(tensor_plan, statistic), np.uint8)
            scales.append(activation_qparams(tensor_plan, statistic).scale)
        if plan.weight is not None:
            bias = self.constants[node.input[2]] if len(node.input) > 2 else None
            weight = self.constants[node.input[1]]
            found = weight_qparams(weight, plan.weight, bias=bias, input_scale=scales[0])
            codes = self._constant(quantize(weight, found, plan.weight.dtype, plan.weight.granularity))
            axis = {} if found.scale.ndim == 0 else {"axis": plan.weight.granularity.axis}  # type: ignore[union-attr]  # per channel
            node.input[1] = self._node("DequantizeLinear", codes, self._constant(found.scale), **axis)
            if bias is not None:
                scale = (scales[0] * found.scale).astype(np.float32)
                codes = self._constant(np.rint(bias.astype(np.float64) / scale).astype(np.int32))
                node.input[2] = self._node("DequantizeLinear", codes, self._constant(scale), **({"axis": 0} if scale.ndim else {}))
        if output is not None:
            maker = next(n for n in self.nodes.values() if output in n.output)
            maker.output[0] = self._name()
            self._pair(maker.output[0], output, activation_qparams(plan.outputs[0], self._statistic(output)), np.uint8)

    def _statistic(self, tensor: str) -> RangeStatistic:
        statistic = RangeStatistic()
        maker = self._maker(tensor)
        while maker is not None and self.nodes[maker].op_type in PASSING and self._is_coded(tensor):
            tensor = self.inputs[maker][0]
            maker = self._maker(tensor)
        statistic.minimum, statistic.maximum = self.ranges[tensor]
        return statistic

    def _pair(self, source: str, result: str, qparams: Any, container: Any) -> str:
        scale, zero = self._constant(qparams.scale), self._constant(qparams.zero_point.astype(container))
        codes = self._node("QuantizeLinear", source, scale, zero)
        self.added.append(helper.make_node("DequantizeLinear", [codes, scale, zero], [result]))
        return result

    def _node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        name = self._name()
        self.added.append(helper.make_node(op_type, list(inputs), [name], **attributes))
        return name

    def _constant(self, array: Any) -> str:
        name = self._name()
        self.constants[name] = array
        self.model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def _name(self) -> str:
        self.count += 1
        return f"scratch_{self.count}"


def _sorted(nodes: list[NodeProto], known: set[str]) -> list[NodeProto]:
    """Nodes in topological order."""
    ordered, known = [], set(known)
    while nodes:
        ready = [node for node in nodes if set(filter(None, node.input)) <= known]
        ordered += ready
        known.update(name for node in ready for name in node.output)
        nodes = [node for node in nodes if not any(node is other for other in ready)]
    return ordered
