"""A literal plan from a walk: what every operator's tensors become, and the operators as the emitter is to see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from inc_config.dtypes import INT8, INT16, PerChannel, PerTensor, Scheme
from inc_config.errors import PlanError
from inc_config.named import Named
from inc_config.plan import OpId, OpPlan, TensorPlan
from onnx import NodeProto

from inc_adaptors.onnxrt.dropin.tensors import Formats, Range, spelled_out
from inc_adaptors.onnxrt.dropin.walk import NORMALIZATIONS, Step, Walk
from inc_adaptors.onnxrt.emission.given import GIVEN, explicit_qparams
from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator

_DEFAULT_AXES = {"Conv": 0, "ConvTranspose": 1, "MatMul": 1, **dict.fromkeys(NORMALIZATIONS, 1)}

_MATRIX = 2
_BIAS = 2  # position of the bias
_PRODUCTS = frozenset({"Conv", "Gemm", "MatMul"})


@attrs.frozen(kw_only=True, eq=False)
class Planner:
    """Joins marks, ranges and formats; ``ranges`` has every marked tensor that needs one."""

    graph: Graph
    operators: Sequence[Operator]
    walk: Walk
    formats: Formats
    ranges: Mapping[str, Range]

    def plans(self) -> tuple[dict[OpId, OpPlan], dict[OpId, Operator]]:
        """The plan of every step, and its operator."""
        plans: dict[OpId, OpPlan] = {}
        operators: dict[OpId, Operator] = {}
        for step in self.walk.steps:
            operator, plan = self._planned(step)
            plans[operator.op], operators[operator.op] = plan, operator
        for other in self.operators:
            if other.op not in plans and other.node >= 0 and any(name in self.walk.marks for name in other.outputs):
                plans[other.op] = OpPlan(outputs=self._outputs(other))  # computes in float, and is read as codes
        return plans, operators

    def _planned(self, step: Step) -> tuple[Operator, OpPlan]:
        node = self.graph.nodes[step.operator.node]
        inputs: list[TensorPlan | None] = [None] * (max(step.reads) + 1)
        for position in step.reads:
            inputs[position] = self._input(node, position, is_weight=position == step.weight)
        outputs = self._outputs(step.operator)
        weight = inputs[1] if len(inputs) > 1 else None
        if step.operator.kind is Kind.WEIGHTED and step.weight == 1 and _fits(step.operator, weight):
            return step.operator, OpPlan(inputs=inputs[:1], weight=weight, outputs=outputs, compute_dtype=INT8)
        bias = self._bias(node, inputs) if step.weight == 1 and self.formats.options.integer_bias else None
        inputs += [bias] if bias is not None else []
        reads = {position: node.input[position] for position in range(len(inputs)) if inputs[position] is not None}
        generic = attrs.evolve(step.operator, kind=Kind.COMPUTING, inputs=reads, weight=None, bias=None, reason=None)
        return generic, OpPlan(inputs=inputs, outputs=outputs, compute_dtype=INT8)

    def _bias(self, node: NodeProto, inputs: Sequence[TensorPlan | None]) -> TensorPlan | None:
        """A constant bias in steps of input scale times weight scale where 16 bits hold it (the tool writes 32), else None: float."""
        values = self.graph.constant(node.input[_BIAS]) if len(node.input) > _BIAS and len(inputs) == _BIAS else None
        scale = 1.0
        for position, plan in enumerate(inputs):
            if plan is None or not isinstance(plan.granularity, PerTensor):
                return None
            held = self.graph.constant(node.input[position])
            scale *= float(explicit_qparams(plan, held, where=node.input[position]).scale)
        if values is None or values.dtype != np.float32 or np.abs(values).max(initial=0.0) > INT16.qmax * scale:
            return None
        return TensorPlan(dtype=INT16, scheme=Scheme.SYMMETRIC, threshold=Named(GIVEN, {"scale": scale, "zero_point": 0}))

    def _outputs(self, operator: Operator) -> tuple[TensorPlan | None, ...]:
        return tuple(self.plan_of(name) if name and name in self.walk.marks else None for name in operator.outputs)

    def _input(self, node: NodeProto, position: int, *, is_weight: bool) -> TensorPlan:
        name = node.input[position]
        if name in self.graph.initializers:
            return self.formats.constant_plan(name, is_weight=is_weight, axis=self._axis(node, name, position) if is_weight else None)
        return self.plan_of(name, reader=node.name)

    def plan_of(self, tensor: str, *, reader: str | None = None) -> TensorPlan:
        """The plan of a marked activation, following those that share another's scale."""
        mark = self.walk.marks.get(tensor)
        override = self.formats.overrides.get(tensor)
        if mark is None or (reader is not None and override is not None and override.convert is not None):
            found = self.ranges.get(self.walk.aliases.get(tensor, tensor))
            return self.formats.activation_plan(tensor, found, reader=reader)
        if mark.source in self.graph.initializers:
            plan = self.formats.constant_plan(mark.source, is_weight=False, axis=None)
            return spelled_out(plan, np.asarray(self.graph.constant(mark.source), np.float32), mark.source)
        return self.plan_of(mark.source, reader=mark.reader)

    def _axis(self, node: NodeProto, weight: str, position: int) -> int | None:
        """The axis of a weight's channels; None where onnxruntime's kernel takes one scale: left operands, and weights of three axes."""
        default = (0 if attribute(node, "transB", 0) else 1) if node.op_type == "Gemm" else _DEFAULT_AXES.get(node.op_type, 1)
        axis = self.formats.options.channel_axes.get(node.op_type, default)
        rank = len(self.graph.initializers[weight].dims)
        if node.op_type == "MatMul" and (position == 0 or rank != _MATRIX):
            return None
        if not -rank <= axis < rank:
            return None
        if node.op_type in _PRODUCTS and range(rank)[axis] != range(rank)[default]:
            raise PlanError(
                f"Scales along axis {axis} of a {node.op_type}'s weight are not offered: onnxruntime fails when it runs them.",
                where="extra_options['QDQOpTypePerChannelSupportToAxis']",
                fix=f"give {default}, the axis of output channels",
            )
        return range(rank)[axis]


def _fits(operator: Operator, weight: TensorPlan | None) -> bool:
    """Whether the integer form of an operator takes this granularity."""
    return weight is not None and weight.granularity in (PerTensor(), PerChannel(operator.channel_axis or 0))
